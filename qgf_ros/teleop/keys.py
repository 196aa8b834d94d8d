"""Keys of a terminal. A terminal tells no key's release: a key counts for as long as the operator's steer does, and repeats itself."""

from __future__ import annotations

from collections.abc import Sequence

from qgf_ros.contract.schema import TOOL_DIMENSIONS
from qgf_ros.errors import InvalidSetting
from qgf_ros.teleop.speed import SpeedLevels
from qgf_ros.teleop.steer import Press, Steer

TOOL_KEYS = {"x": ("w", "s"), "y": ("a", "d"), "z": ("r", "f"), "yaw": ("q", "e")}
JOINT_KEYS = (("1", "q"), ("2", "w"), ("3", "e"), ("4", "r"), ("5", "t"), ("6", "y"), ("7", "u"), ("8", "i"))
PRESSES = {
    " ": Press.GRIPPER,
    "O": Press.OPEN,
    "C": Press.CLOSE,
    "+": Press.FASTER,
    "-": Press.SLOWER,
    "T": Press.TAKE_OVER,
    "P": Press.HAND_BACK,
    "G": Press.START,
    "0": Press.STOP,
    "B": Press.BEGIN,
    "Y": Press.SUCCESS,
    "N": Press.FAILURE,
    "V": Press.SAVE,
}
WORDS = {
    Press.GRIPPER: "gripper: the other way",
    Press.OPEN: "gripper: open",
    Press.CLOSE: "gripper: close",
    Press.FASTER: "faster",
    Press.SLOWER: "slower",
    Press.TAKE_OVER: "take over from the policy",
    Press.HAND_BACK: "hand back to the policy",
    Press.START: "start",
    Press.STOP: "stop",
    Press.BEGIN: "an episode begins",
    Press.SUCCESS: "it ends: success",
    Press.FAILURE: "it ends: failure",
    Press.SAVE: "save the last 30 s",
}


class Keys:
    """Which key moves what: tool axes like a game's, joints by the keys of one column, towards plus above, towards minus below."""

    def __init__(self, dimensions: Sequence[str], speed: SpeedLevels) -> None:
        """`dimensions`: those that keys move. Raises InvalidSetting where there are more joints than keys."""
        self._speed = speed
        joints = [name for name in dimensions if name not in TOOL_DIMENSIONS]
        # beside tool axes, letters are taken: joints have the digits' column from the fifth on
        columns = JOINT_KEYS if len(joints) == len(dimensions) else JOINT_KEYS[4:]
        if len(joints) > len(columns):
            raise InvalidSetting(
                "The joints that keys move", joints, f"at most {len(columns)}: take a gamepad"
            )
        pairs = dict(zip(joints, columns, strict=False))
        self._pairs = {name: pairs.get(name) or TOOL_KEYS[name] for name in dimensions}
        self._steers = {
            key: (name, sign)
            for name, pair in self._pairs.items()
            for key, sign in zip(pair, (1.0, -1.0), strict=True)
        }

    def read(self, key: str) -> Steer | Press | None:
        """What a key says; None for one that says nothing."""
        if key in PRESSES:
            self._speed.press(PRESSES[key])
            return PRESSES[key]
        if key not in self._steers:
            return None
        name, sign = self._steers[key]
        return Steer({name: sign * self._speed.share})

    def lines(self) -> list[str]:
        """For people: every key and what it does."""
        moves = [f"{plus} / {minus}    {name} + / -" for name, (plus, minus) in self._pairs.items()]
        shown = {" ": "space"}
        return [*moves, *(f"{shown.get(key, key):<8} {WORDS[press]}" for key, press in PRESSES.items())]
