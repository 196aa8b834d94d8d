"""What a person says: how they steer at a moment, and what they press. All devices speak these words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class Steer:
    """How the arm shall move at a moment: for each named dimension of the action a share, in [-1, 1], of the most that one action
    may ask for. Dimensions that are not named shall rest. `is_held`: the person means it (a deadman button is down).
    """

    shares: Mapping[str, float]
    is_held: bool = True


class Press(Enum):
    """A button or key that went down."""

    GRIPPER = "gripper"  # opens it where it was closing, and the other way round
    OPEN = "open"
    CLOSE = "close"
    FASTER = "faster"
    SLOWER = "slower"
    TAKE_OVER = "take_over"
    HAND_BACK = "hand_back"
    START = "start"
    STOP = "stop"
    BEGIN = "begin_episode"
    SUCCESS = "success"
    FAILURE = "failure"
    SAVE = "save"


SERVICES = {
    Press.TAKE_OVER: "command_node",
    Press.HAND_BACK: "command_node",
    Press.START: "command_node",
    Press.STOP: "command_node",
    Press.BEGIN: "recorder_node",
    Press.SUCCESS: "recorder_node",
    Press.FAILURE: "recorder_node",
    Press.SAVE: "recorder_node",
}
"""The node whose service of the same name is called; the others change what the person's own device does."""
