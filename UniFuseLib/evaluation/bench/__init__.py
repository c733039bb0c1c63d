"""Staged pipelines and the model side by side, on the same cases in one run.

`method.py` names what is compared, `run.py` orders the stages, `stage.py` is one of them in a
process of its own, `rows.py` makes the table, `verdict.py` compares with the targets, `html.py`,
`plots.py` and `tables.py` draw the report.
"""
