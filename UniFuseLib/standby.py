"""`python -m UniFuseLib.standby`: a `unifuse` that has imported all that a fusion needs beforehand.

It reads one line of its standard input, the arguments of `unifuse` as a JSON list, and does what
`unifuse` does with them. Without a line it ends: also when the program that would have written one
is gone.
"""

from __future__ import annotations

import json
import sys

from UniFuseLib.cli import main as unifuse
from UniFuseLib.cli import parser
from UniFuseLib.process import calm_threads, keep_freed_memory, run_process, uncollected

WRONG_USAGE = 2


def main() -> int:
    """The exit code of `unifuse`; 0 without a line, 2 for one that holds no arguments."""
    calm_threads()
    keep_freed_memory()
    with uncollected():
        import_fusion()
    line = sys.stdin.readline()
    if not line.strip():
        return 0
    arguments = arguments_of(line)
    if arguments is None:
        sys.stderr.write(
            f"unifuse: expected arguments as a JSON list of texts, got {line.strip()!r}.\n"
        )
        return WRONG_USAGE
    return unifuse(arguments)


def import_fusion() -> None:
    """What `unifuse fuse` imports on its way."""
    import safetensors.torch  # noqa: F401
    import scipy.ndimage  # noqa: F401

    import UniFuseLib.commands.fuse_files
    import UniFuseLib.commands.inputs
    import UniFuseLib.io.nifti_writing
    import UniFuseLib.network.build
    import UniFuseLib.predict
    import UniFuseLib.verdict.judge  # noqa: F401

    parser()  # imports every command


def arguments_of(line: str) -> list[str] | None:
    """None where the line is no list of texts."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        return None
    return found


if __name__ == "__main__":
    run_process(main)
