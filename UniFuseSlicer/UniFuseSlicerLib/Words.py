"""Sentences and names that several places show; each is written, and translated, once."""

from __future__ import annotations

from slicer.i18n import tr as _


def notice() -> str:
    return _("Research use only. Not for diagnosis or treatment.")


def trustTitle(trust: str) -> str:
    """What a reader sees for `verdict.trust` of `report.json`."""
    titles = {
        "green": _("Green: no finding against the alignment"),
        "amber": _("Amber: check the alignment before using it"),
        "red": _("Red: do not use this result"),
    }
    return titles.get(trust, trust)


def classTitle(label: str) -> str:
    """What a reader sees for a class of `report.json`; an unknown one is shown as it is."""
    titles = {
        "clean": _("No degradation"),
        "mr_motion": _("MR motion"),
        "ct_metal_noise": _("CT metal and noise"),
        "pet_low_dose": _("Low-dose PET"),
    }
    return titles.get(label, label)


def nameSentence(name: str) -> str:
    """A text where a node belongs."""
    return _('Expected a node, got the text "{name}". Use getNode("{name}").').format(name=name)
