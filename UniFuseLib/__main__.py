"""`python -m UniFuseLib` is `unifuse`, for Pythons without the script on their path (3D
Slicer's).
"""

import sys

from UniFuseLib.cli import main

if __name__ == "__main__":
    sys.exit(main())
