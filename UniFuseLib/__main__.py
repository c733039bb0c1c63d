"""`python -m UniFuseLib` is `unifuse`, where the script is not on the path (3D Slicer)."""

import sys

from UniFuseLib.cli import main

if __name__ == "__main__":
    sys.exit(main())
