"""How a symmetric matrix over the grid's three axes is stored."""

from __future__ import annotations

ENTRIES = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))  # xx, yy, zz, xy, xz, yz
