"""The text in the panel: one sentence under the button, and the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from .CardFit import shortened
from .Errors import FusionError


class Messages:
    """Writes into the message label and the log of the panel.

    Args:
        ui: widgets by name.
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._problem = ""
        self.show("")

    def show(self, sentence: str) -> None:
        self._ui.messageLabel.setText(shortened(sentence))
        self._ui.messageLabel.setToolTip(sentence)
        self._ui.messageLabel.setVisible(bool(sentence))

    def showProblem(self, problem: str) -> None:
        """Why the inputs cannot be fused ("": they can), only when it changes: the last words of a
        run stay readable.
        """
        if problem != self._problem:
            self._problem = problem
            self.show(problem)

    def forgetLast(self) -> None:
        """Another result is chosen: what was said of the one before goes, a problem stays."""
        self.show(self._problem)

    def clear(self) -> None:
        """Forget everything: another scene."""
        self._problem = ""
        self.startLog()

    def error(self, sentence: str) -> None:
        """Show a sentence and open the log."""
        self.show(sentence)
        self.log(sentence)
        logging.error("UniFuse: %s", sentence)
        self._ui.logCollapsibleButton.collapsed = False

    def log(self, line: str) -> None:
        self._ui.logTextEdit.appendPlainText(line)
        logging.info("UniFuse: %s", line)

    def startLog(self) -> None:
        """Of a new run; the words of the one before go."""
        self._ui.logTextEdit.clear()
        self.show("")

    def attempt(self, *steps: Callable[[], Any]) -> None:
        """Do one after the other; an error is shown in the panel, never lost in the console."""
        try:
            for step in steps:
                step()
        except FusionError as error:
            self.error(str(error))
        except Exception as error:
            logging.exception("UniFuse")
            self.error(
                _("{kind}: {reason}. See the log for details.").format(
                    kind=type(error).__name__, reason=error
                )
            )
