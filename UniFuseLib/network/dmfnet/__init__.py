"""A fusion engine after DM-FNet (He et al. 2025, arXiv 2506.15218): 2-D, two stages; decision
0051."""
