"""Training of learned descriptors (`unifuse train-descriptors`). START at `train.py`.

No fusion uses them: decision 0044 says why.
"""
