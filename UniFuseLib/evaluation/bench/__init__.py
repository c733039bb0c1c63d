"""Staged rivals and the model side by side, on the same cases in one run.

`run.py` orders the stages, `stage.py` is one of them in a process of its own, `rows.py` makes the
table, `verdict.py` says who is ahead, `html.py` and `figures.py` draw the report.
"""
