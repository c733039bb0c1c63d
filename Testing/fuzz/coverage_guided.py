"""Feed damaged files to the readers, guided by the lines that they reach (atheris, libFuzzer).

    pip install ".[fuzz]"
    python Testing/fuzz/coverage_guided.py nifti CORPUS -runs=300000 -timeout=10

CORPUS is a folder that grows with every input that reaches new lines; a second run goes on from
there. Other options are libFuzzer's. A finding stops the run, and its file `crash-...` or
`timeout-...` is written into the current folder: mend the cause, and add the file's difference
from a good one to `Testing/robustness/fuzz_findings.py`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "robustness"), str(HERE.parents[1])]

with atheris.instrument_imports(include=["UniFuseLib"]):
    import fuzz_seeds
    import fuzz_target


def main() -> None:
    """Run until `-runs` or a finding; the first argument is a key of `fuzz_target.NAMES`."""
    kind, corpus, *options = sys.argv[1:]
    Path(corpus).mkdir(parents=True, exist_ok=True)
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as name:
        folder = Path(name)
        tempfile.tempdir = name
        for number, content in enumerate(fuzz_seeds.seeds(kind, folder)):
            (Path(corpus) / f"seed-{number}").write_bytes(content)
        words = folder / "words.txt"
        words.write_text("".join(f"{_quoted(word)}\n" for word in fuzz_seeds.WORDS))
        argv = [sys.argv[0], corpus, f"-dict={words}", *options]
        atheris.Setup(argv, lambda data: fuzz_target.read(data, kind, folder))
        atheris.Fuzz()


def _quoted(word: str) -> str:
    """A line of libFuzzer's dictionary."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    main()
