"""Disk ↔ memory: the only place that knows SimpleITK and LPS."""
