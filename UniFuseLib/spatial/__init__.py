"""Where things are: grids and volumes, displacement fields, resampling, local structure."""
