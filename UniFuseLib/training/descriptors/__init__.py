"""Training of the learned descriptors (registration/descriptor_network.py). START at `train.py`."""
