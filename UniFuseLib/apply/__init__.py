"""A deformation that was found, applied to what else belongs to the two scans."""
