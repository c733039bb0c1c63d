"""Disk ↔ memory: with `evaluation/baselines/`, the only place that knows SimpleITK and LPS."""
