"""A stop that stays until somebody resets it, however many causes come and go meanwhile."""

from __future__ import annotations

from qgf_ros.errors import NotReadyError

EMERGENCY = "emergency"


class Latch:
    """State: why motion is stopped for good, whether the emergency stop is still pressed, what is to be recorded. One thread.

    `closings`: how often it was closed, also while it was closed already.
    """

    def __init__(self) -> None:
        self.reason = ""  # of the stop in force; empty where none is
        self.sentence = ""
        self.is_silent = False  # no command can be made any more
        self.is_pressed = False
        self.black_box_due = ""
        self.closings = 0

    def close(self, reason: str, sentence: str) -> None:
        """Stops for good. The first reason stays, but an emergency stop is named before any other."""
        self.closings += 1
        if self.reason and (reason != EMERGENCY or self.reason == EMERGENCY):
            return
        self.reason = self.black_box_due = reason
        self.sentence = sentence

    def check_may_open(self, closings: int) -> None:
        """Returns unless it is pressed, or was closed since there were so many `closings`. Raises NotReadyError."""
        if self.is_pressed:
            raise NotReadyError("The emergency stop is still pressed: release it, then call reset.")
        if closings != self.closings:
            sentence = (
                f"The arm was stopped again ({self.reason}) after this reset was asked for: call reset anew."
            )
            raise NotReadyError(sentence)

    def open(self) -> None:
        """A person resets the stop, after `check_may_open`; what is to be recorded stays due."""
        self.reason = self.sentence = ""
        self.is_silent = False
