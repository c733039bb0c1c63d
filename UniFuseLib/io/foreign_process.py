"""Run by `foreign.py`: one file through ITK → raw voxels, and one line of JSON about them.

    foreign_process.py INPUT RAW_VOXELS BYTES_OF_MEMORY

Imports nothing of the library: it may be ended by ITK at any point.
"""

from __future__ import annotations

import contextlib
import json
import math
import sys
from typing import Any

import SimpleITK as sitk


def main(source: str, target: str, limit: int) -> None:
    """Print what was read, or `{"error": ...}`."""
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    _limit_memory(limit)
    try:
        about = _read(source, target, limit)
    except (RuntimeError, MemoryError, OSError) as error:
        lines = str(error).strip().splitlines() or ["it takes more memory than there is."]
        about = {"error": lines[-1].strip()}
    sys.stdout.write(json.dumps(about) + "\n")


def _read(source: str, target: str, limit: int) -> dict[str, Any]:
    reader = sitk.ImageFileReader()
    reader.SetFileName(source)
    reader.ReadImageInformation()
    claimed = math.prod(reader.GetSize()) * reader.GetNumberOfComponents()
    if limit and 4 * claimed > limit:
        return {"error": f"it claims {claimed} voxels, more than the memory holds."}
    image = reader.Execute()
    array = sitk.GetArrayViewFromImage(image)
    array.tofile(target)
    tag = "0008|0060"
    return {
        "size": image.GetSize(),
        "components": image.GetNumberOfComponentsPerPixel(),
        "dtype": array.dtype.str,
        "spacing": image.GetSpacing(),
        "origin": image.GetOrigin(),
        "direction": image.GetDirection(),
        "reader": reader.GetImageIO() or reader.GetImageIOFromFileName(source),
        "modality": reader.GetMetaData(tag).strip() if reader.HasMetaDataKey(tag) else "",
    }


def _limit_memory(limit: int) -> None:
    """A claim that was not noticed ends here, not the machine."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        if limit:
            _, hard = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (limit + (2 << 30), hard))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
