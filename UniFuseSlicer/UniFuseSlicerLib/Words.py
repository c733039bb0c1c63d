"""Sentences and names that several places show; each is written, and translated, once."""

from __future__ import annotations

import re

from slicer.i18n import tr as _

_UNFIT = re.compile(r'[\x00-\x1f\\/:*?"<>|]')  # what no name of a folder may hold


def notice() -> str:
    return _("Research use only. Not for diagnosis or treatment.")


def asFolderName(text: str) -> str:
    """
    Args:
        text: any.
    """
    return _UNFIT.sub("_", text)


def trustTitle(trust: str) -> str:
    """What a reader sees for `verdict.trust` of `report.json`."""
    titles = {
        "green": _("Green: no finding against the alignment"),
        "amber": _("Amber: check the alignment before using it"),
        "red": _("Red: do not use this result"),
    }
    return titles.get(trust, trust)


def foundTitle(
    label: str, percent: float, sureFromPercent: float, severity: str = "", dose: float = 0.0
) -> str:
    """What was found in the degraded volume, how strong it is, and whether that is sure.

    Args:
        label: class of `report.json`; an unknown one is shown as it is.
        percent: its probability.
        sureFromPercent: from which on the class is sure; 0: not measured for these weights.
        severity: `severity_words` of `report.json`; empty: not stated.
        dose: part of the usual PET dose; 0: not stated.
    """
    titles = {
        "clean": _("no degradation"),
        "mr_motion": _("motion"),
        "ct_metal_noise": _("metal artifacts or noise"),
        "pet_low_dose": _("low dose"),
    }
    found = _withSeverity(titles.get(label, label), severity, dose)
    if sureFromPercent <= 0:
        return _("Found: {found} ({percent:.0f} %)").format(found=found, percent=percent)
    if percent >= sureFromPercent:
        return _("Found: {found} ({percent:.0f} %, sure)").format(found=found, percent=percent)
    return _("Found: {found} ({percent:.0f} %, unsure)").format(found=found, percent=percent)


def _withSeverity(found: str, severity: str, dose: float) -> str:
    titles = {"light": _("light"), "moderate": _("moderate"), "severe": _("severe")}
    if severity:
        found = _("{found}, {severity}").format(
            found=found, severity=titles.get(severity, severity)
        )
    if dose > 0:
        found = _("{found}, about 1/{part:.0f} of the usual").format(found=found, part=1 / dose)
    return found


def fusionTitle(method: str) -> str:
    """What a reader sees for `fusion_method` of `report.json`; an unknown one as it is."""
    titles = {
        "unifuse": _("UniFuse (recommended)"),
        "dmfnet": _("DM-FNet (network, slice by slice)"),
        "average": _("Average"),
        "maximum": _("Maximum"),
        "laplacian": _("Laplacian pyramid"),
        "wavelet": _("Wavelets (needs PyWavelets)"),
    }
    return titles.get(method, method)


def nameSentence(name: str) -> str:
    """A text where a node belongs."""
    return _('Expected a node, got the text "{name}". Use getNode("{name}").').format(name=name)
