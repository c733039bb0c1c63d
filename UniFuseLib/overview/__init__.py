"""The one-page picture of a result; matplotlib is imported only when one is drawn."""

from UniFuseLib.overview.page import draw_overview

__all__ = ["draw_overview"]
