"""What cannot be fused, in words; the panel and the console ask the same questions.

The panel asks while the user chooses, a job asks when it starts.
"""

from __future__ import annotations

import math
from typing import Any

from slicer.i18n import tr as _

from .Devices import KNOWN
from .Errors import InputNodeError
from .Nodes import checkInput
from .Options import FusionOptions
from .VolumeFacts import MODALITIES, VolumeFacts, factsOf
from .Words import nameSentence

LARGEST_SPACING_MM = 5.0  # coarser, the degradation classes were never calibrated
_ROLES = ("degraded", "reference")


def checkRun(degraded: Any, reference: Any, options: FusionOptions) -> None:
    """Refuse two nodes and choices that cannot be fused.

    Args:
        degraded: chosen node.
        reference: chosen node.
        options: choices of the run.

    Raises:
        InputNodeError: with the reason and the remedy.
    """
    for node, role in zip((degraded, reference), _ROLES, strict=True):
        _checkKind(node, role)
        checkInput(node, role)
    if degraded is reference:
        raise InputNodeError(
            _(
                '"{name}" is chosen as degraded and as reference. Select two different volumes.'
            ).format(name=degraded.GetName())
        )
    _checkModality(degraded, "degraded", options.degradedModality)
    _checkModality(reference, "reference", options.referenceModality)
    checkOptions(options)


def checkOptions(options: FusionOptions) -> None:
    """Refuse choices that no pair could be fused with.

    Raises:
        InputNodeError: with the reason and the remedy.
    """
    spacing = options.workingSpacing
    if not (math.isfinite(spacing) and 0 <= spacing <= LARGEST_SPACING_MM):
        raise InputNodeError(
            _(
                "The working spacing is {spacing} mm; expected 0 (training resolution) to "
                "{largest:g} mm."
            ).format(spacing=spacing, largest=LARGEST_SPACING_MM)
        )
    onCpu = options.device == "cpu" or (needsGpu(options) and KNOWN.gpu is False)
    if options.precision == "float16" and onCpu:
        raise InputNodeError(
            _(
                "float16 is slower on the CPU than float32. Choose the precision Automatic, or "
                "another device."
            )
        )
    if options.weights is not None and not options.weights.expanduser().is_file():
        raise InputNodeError(
            _(
                "The weights file {path} does not exist. Choose another one under Advanced, or "
                "empty the field to use the weights that come with the extension."
            ).format(path=options.weights)
        )


def needsGpu(options: FusionOptions) -> bool:
    """Whether the choices can be judged only when it is known what torch finds."""
    return options.precision == "float16" and options.device == "auto"


def modalitySentences(degraded: Any, reference: Any, options: FusionOptions) -> list[str]:
    """What the nodes say of themselves, and where a setting contradicts them.

    Args:
        degraded: chosen node, or None.
        reference: chosen node, or None.
        options: choices of the run.

    Returns:
        One sentence a contradiction, after a line with what is known; empty where nothing is.
    """
    titles = (_("Degraded"), _("Reference"))
    settings = (options.degradedModality, options.referenceModality)
    facts = (factsOf(degraded), factsOf(reference))
    known = [
        _("{role}: {facts}").format(role=title, facts=fact.title)
        for title, fact in zip(titles, facts, strict=True)
        if fact.title
    ]
    lines = [" · ".join(known)] if known else []
    for title, setting, fact in zip(titles, settings, facts, strict=True):
        lines += _contradiction(title, setting, fact)
        if fact.unit == "Bq/ml":
            lines.append(
                _("{role}: values are in Bq/ml, not SUV; the result keeps Bq/ml.").format(
                    role=title
                )
            )
    return lines


def _contradiction(title: str, setting: str, facts: VolumeFacts) -> list[str]:
    if "auto" in (setting, facts.modality) or facts.modality in ("", setting):
        return []
    return [
        _(
            "{role}: set to {setting}, but {source} say {stated}. It will be treated as {setting}; "
            "choose Automatic if that is wrong."
        ).format(
            role=title,
            setting=setting.upper(),
            source=facts.source,
            stated=facts.modality.upper(),
        )
    ]


def _checkKind(node: Any, role: str) -> None:
    """A text or a label map in the place of a volume."""
    if isinstance(node, str):
        raise InputNodeError(nameSentence(node))
    if node is not None and node.IsA("vtkMRMLLabelMapVolumeNode"):
        raise InputNodeError(
            _(
                'The {role} volume "{name}" is a label map: numbers of regions, not an image. '
                "Choose the image; move the labels afterwards with Apply to other nodes."
            ).format(role=role, name=node.GetName())
        )


def _checkModality(node: Any, role: str, setting: str) -> None:
    """Something that is stated to be no MR, CT or PET."""
    stated = factsOf(node).modality
    if setting != "auto" or not stated or stated in MODALITIES.values():
        return
    raise InputNodeError(
        _(
            'The {role} volume "{name}" has the DICOM modality {stated}; expected MR, CT or PET. '
            "If it is one of them, set the modality."
        ).format(role=role, name=node.GetName(), stated=stated.upper())
    )
