"""A gamepad, or the buttons of a space mouse: `sensor_msgs/Joy`, whose axes and buttons have numbers only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from qgf_ros.errors import InvalidSetting
from qgf_ros.teleop.speed import SpeedLevels, beyond_dead_zone
from qgf_ros.teleop.steer import Press, Steer

NO_DEADMAN = -1


@dataclass(frozen=True)
class Axis:
    """The axis `number` moves `dimension`; `sign` -1 where the stick's plus is its minus."""

    dimension: str
    number: int
    sign: float = 1.0


def read_axes(texts: Sequence[str], dimensions: Collection[str]) -> tuple[Axis, ...]:
    """Axes from texts such as `x:1` or `y:0:-`. Raises InvalidSetting where one is none, or moves a dimension that is not there."""
    found = []
    for text in filter(None, texts):
        name, _, rest = text.partition(":")
        number, _, sign = rest.partition(":")
        if name not in dimensions or not number.isdecimal() or sign not in ("", "+", "-"):
            accepted = f"DIMENSION:AXIS or DIMENSION:AXIS:- with DIMENSION one of {', '.join(dimensions)}"
            raise InvalidSetting("An axis of the gamepad", text, accepted)
        found.append(Axis(name, int(number), -1.0 if sign == "-" else 1.0))
    return tuple(found)


def read_buttons(texts: Sequence[str]) -> dict[int, Press]:
    """What each button presses, from texts such as `gripper:0`. Raises InvalidSetting."""
    known = {press.value: press for press in Press}
    found: dict[int, Press] = {}
    for text in filter(None, texts):
        name, _, number = text.partition(":")
        if name not in known or not number.isdecimal():
            raise InvalidSetting(
                "A button of the gamepad", text, f"NAME:BUTTON with NAME one of {', '.join(known)}"
            )
        found[int(number)] = known[name]
    return found


class Joy:
    """State: which buttons were down in the last message, and when it came. One thread."""

    def __init__(
        self,
        axes: Sequence[Axis],
        buttons: dict[int, Press],
        deadman: int,
        dead_zone: float,
        speed: SpeedLevels,
        max_age_s: float,
    ) -> None:
        """`deadman`: the button that must be down for anything to move, `NO_DEADMAN` for none; `max_age_s`: a word of it that is older is none."""
        self._axes, self._buttons, self._deadman = tuple(axes), buttons, deadman
        self._dead_zone, self._speed = dead_zone, speed
        self._down: frozenset[int] = frozenset(buttons)  # one that is down at first was not pressed
        self._max_age_s, self._heard_s = max_age_s, float("-inf")

    def read(
        self, axes: Sequence[float], buttons: Sequence[int], now_s: float
    ) -> tuple[Steer, tuple[Press, ...]]:
        """A message that came at `now_s` of a steady clock: how the sticks stand, and what was pressed since the last one.

        Axes that the device lacks rest.
        """
        self._heard_s = now_s
        down = frozenset(number for number, value in enumerate(buttons) if value)
        pressed = tuple(press for number, press in self._buttons.items() if number in down - self._down)
        self._down = down
        for press in pressed:
            self._speed.press(press)
        shares = {
            axis.dimension: axis.sign
            * self._speed.share
            * beyond_dead_zone(axes[axis.number], self._dead_zone)
            for axis in self._axes
            if axis.number < len(axes)
        }
        return Steer(shares, self.is_held(now_s)), pressed

    def is_held(self, now_s: float) -> bool:
        """Whether the deadman button was down in the last message, which came just now, or there is none."""
        if self._deadman == NO_DEADMAN:
            return True
        return self._deadman in self._down and now_s - self._heard_s <= self._max_age_s
