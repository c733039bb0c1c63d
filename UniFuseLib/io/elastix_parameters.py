"""Files of parameters for elastix' transformix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from UniFuseLib.io.file_header import LPS_TO_RAS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np

    from UniFuseLib.spatial.volume import Grid


def parameters_of_field(field: Path, reference: Grid) -> str:
    """A displacement field (LPS mm) in a file of its own.

    Args:
        field: the file, by its full path.
        reference: which is resampled onto.
    """
    kind = {
        "Transform": _quoted("DeformationFieldTransform"),
        "NumberOfParameters": "0",
        "DeformationFieldFileName": _quoted(field.as_posix()),
        "DeformationFieldInterpolationOrder": "1",
    }
    return _text({**kind, **_common(reference)})


def parameters_of_matrix(matrix: np.ndarray, reference: Grid) -> str:
    """An affine transform about the origin.

    Args:
        matrix: A `(4, 4)`, RAS point of the reference → of the degraded volume.
        reference: which is resampled onto.
    """
    lps = LPS_TO_RAS @ matrix @ LPS_TO_RAS
    kind = {
        "Transform": _quoted("AffineTransform"),
        "NumberOfParameters": "12",
        "TransformParameters": _numbers([*lps[:3, :3].ravel(), *lps[:3, 3]]),
        "CenterOfRotationPoint": "0 0 0",
    }
    return _text({**kind, **_common(reference)})


def _common(reference: Grid) -> dict[str, str]:
    """The reference's grid, and a linear resampling onto it."""
    lps = (LPS_TO_RAS @ reference.affine)[:, [2, 1, 0, 3]]
    spacing = reference.spacing[::-1]
    direction = lps[:3, :3] / spacing
    return {
        "InitialTransformParametersFileName": _quoted("NoInitialTransform"),
        "HowToCombineTransforms": _quoted("Compose"),
        "FixedImageDimension": "3",
        "MovingImageDimension": "3",
        "FixedInternalImagePixelType": _quoted("float"),
        "MovingInternalImagePixelType": _quoted("float"),
        "Size": _numbers(reference.shape[::-1]),
        "Index": "0 0 0",
        "Spacing": _numbers(spacing),
        "Origin": _numbers(lps[:3, 3]),
        "Direction": _numbers(direction.T.ravel()),  # column after column
        "UseDirectionCosines": _quoted("true"),
        "ResampleInterpolator": _quoted("FinalLinearInterpolator"),
        "Resampler": _quoted("DefaultResampler"),
        "DefaultPixelValue": "0",
        "ResultImageFormat": _quoted("nii.gz"),
        "ResultImagePixelType": _quoted("float"),
    }


def _quoted(text: str) -> str:
    return f'"{text}"'


def _numbers(values: Iterable[float]) -> str:
    return " ".join(f"{value:.12g}" for value in values)


def _text(parameters: dict[str, str]) -> str:
    return "".join(f"({name} {value})\n" for name, value in parameters.items())
