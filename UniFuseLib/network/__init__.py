"""The network of the paper. START at `unifuse.py`: Figure 2, one line per part."""
