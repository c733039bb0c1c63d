"""Degradations and misalignments with known truth, and the folders of cases made with them."""
