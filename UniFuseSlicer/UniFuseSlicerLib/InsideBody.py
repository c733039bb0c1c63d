"""Arrows only where they mean something: a coarse copy of a deformation without displacement
elsewhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .Body import nearest, positions, transformed
from .BodyMasks import bodyOn
from .CoarseField import holds
from .FieldGrid import sampled
from .Images import Image
from .Nodes import deformationImage
from .RigidPart import moved

DRAWN_SPACING_MM = 3.0  # finer than the arrows, which are at least 2 mm apart and usually 10


def insideBody(
    deformation: Any, reference: Any, degraded: Any = None, rigid: np.ndarray | None = None
) -> Image:
    """v(p) = T⁻¹(B p) − p where it ends in the body of the reference and B p lies in the field of
    view of the degraded volume, 0 elsewhere, on a grid of about 3 mm.

    v is what Slicer draws (to parent, from degraded to reference). Here it is computed once instead
    of at every redraw, and its edge can be sharp: the field itself could not be inverted there.

    Args:
        deformation: grid transform node, T from parent.
        reference: volume node that shows the body.
        degraded: volume node; None: its field of view is not known.
        rigid: B, `(4, 4)` RAS mm, the motion to take off; None: none.

    Returns:
        `(k, j, i, 3)` RAS mm.
    """
    field = sampled(deformationImage(deformation), DRAWN_SPACING_MM)
    shape, matrix = field.array.shape[:3], field.ijkToRas
    starts = positions(shape, matrix)
    inDegraded = starts if rigid is None else moved(rigid, starts)
    ends = transformed(deformation.GetTransformToParent(), inDegraded)
    body = Image.fromArray(bodyOn(reference, shape, matrix).astype(np.uint8), matrix)
    shown = (nearest(body, ends) > 0) & holds(degraded, inDegraded, deformation)
    drawn = (ends - starts) * shown[:, None]
    return _bordered(drawn.reshape(*shape, 3).astype(np.float32), matrix)


def _bordered(array: np.ndarray, matrix: np.ndarray) -> Image:
    """With zeros around it: Slicer repeats the border of a grid beyond it."""
    place = matrix.copy()
    place[:3, 3] -= matrix[:3, :3].sum(axis=1)
    return Image.fromArray(np.pad(array, ((1, 1), (1, 1), (1, 1), (0, 0))), place)


def withoutRigid(deformation: Any, rigid: np.ndarray) -> Image:
    """w(x) = B⁻¹(x + u(x)) − x: what deforms, `(k, j, i, 3)` RAS mm on a grid of about 3 mm.

    Args:
        deformation: grid transform node, x → x + u(x) from parent.
        rigid: B, `(4, 4)` RAS mm.
    """
    field = sampled(deformationImage(deformation), DRAWN_SPACING_MM)
    places = positions(field.array.shape[:3], field.ijkToRas).reshape(field.array.shape)
    rest = moved(np.linalg.inv(rigid), places + field.array) - places
    return Image.fromArray(rest.astype(np.float32), field.ijkToRas)
