"""`python -m UniFuseLib` is `unifuse`, where the script is not on the path (3D Slicer)."""

from UniFuseLib.cli import run_command

if __name__ == "__main__":
    run_command()
