"""A stop that stays until somebody resets it, however many causes come and go meanwhile."""

from __future__ import annotations

from qgf_ros.errors import NotReadyError

EMERGENCY = "emergency"


class Latch:
    """State: why motion is stopped for good, whether the emergency stop is still pressed, what is to be recorded. One thread."""

    def __init__(self) -> None:
        self.reason = ""  # of the stop in force; empty where none is
        self.sentence = ""
        self.is_silent = False  # no command can be made any more
        self.is_pressed = False
        self.black_box_due = ""

    def close(self, reason: str, sentence: str) -> None:
        """Stops for good. The first reason stays, but an emergency stop is named before any other."""
        if self.reason and (reason != EMERGENCY or self.reason == EMERGENCY):
            return
        self.reason = self.black_box_due = reason
        self.sentence = sentence

    def check_released(self) -> None:
        """Returns unless the emergency stop is still pressed. Raises NotReadyError."""
        if self.is_pressed:
            raise NotReadyError("The emergency stop is still pressed: release it, then call reset.")

    def open(self) -> None:
        """A person resets the stop; what is to be recorded stays due. Raises NotReadyError as `check_released`."""
        self.check_released()
        self.reason = self.sentence = ""
        self.is_silent = False
