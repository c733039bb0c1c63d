"""Numbers of the release that lie as JSON beside the weights."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from UniFuseLib.errors import WeightsError
from UniFuseLib.resources import models_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")


def read_shipped(file: str, parse: Callable[[Mapping[str, Any]], T], what: str, way_out: str) -> T:
    """The content of one of these files.

    Args:
        file: its name.
        parse: makes something of its content.
        what: the numbers' name, for the sentence.
        way_out: how to go on without them, likewise.

    Raises:
        WeightsError: the file is missing or broken.
    """
    try:
        return parse(json.loads((models_folder() / file).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"Expected the numbers of {what} in {file} beside the shipped weights, found none that "
            f"can be read. Reinstall the extension, or go on {way_out}."
        ) from error
