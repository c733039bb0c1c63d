"""Many pairs: which they are, what is left to do, who does it, and a summary of all of them.

sources (`table`, `folders`, `bids`, `globs`) → `case.Plan` → `todo` → an engine (`processes` or
`cluster`), each of whose workers calls `work.run_case` → `summary`, `page`. `run.py` shows the
order.
"""
