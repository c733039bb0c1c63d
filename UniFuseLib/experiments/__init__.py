"""What needs training and evaluation together: ablations, the classifier's calibration, learned
descriptors beside MIND-SSC.
"""
