"""What needs training and evaluation together: ablations, the classifier's calibration."""
