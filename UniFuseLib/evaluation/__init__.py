"""Metrics, cases with known truth, baselines, and the reports made from them."""
