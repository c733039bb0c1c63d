"""Training of the learned descriptors (network.py), which no command of `unifuse` uses yet: see
docs/decisions/0044-learned-descriptors.md. START at `train.py`."""
