"""The one-page picture of a result. matplotlib (extra `report`) is imported only when a picture is
drawn.
"""

from UniFuseLib.overview.page import draw_overview

__all__ = ["draw_overview"]
