"""How good are we: metrics, cases with known truth, the staged rivals, and the reports made from
them.
"""
