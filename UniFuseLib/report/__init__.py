"""`report.json`: what was measured of a result, and how it is written down."""
