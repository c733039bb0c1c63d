"""Training: data, samples, losses, the loop. START at `train.py`."""
