"""Methods that make one image out of two aligned ones, volumes and 2-D pictures alike."""
