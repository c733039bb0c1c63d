"""Sentences and names that several places show; each is written, and translated, once."""

from __future__ import annotations

from slicer.i18n import tr as _


def notice() -> str:
    return _("Research use only. Not for diagnosis or treatment.")


def classTitle(label: str) -> str:
    """What a reader sees for a class of `report.json`; an unknown one is shown as it is."""
    titles = {
        "clean": _("No degradation"),
        "mr_motion": _("MR motion"),
        "ct_metal_noise": _("CT metal and noise"),
        "pet_low_dose": _("Low-dose PET"),
    }
    return titles.get(label, label)
