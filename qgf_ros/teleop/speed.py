"""How much of the most that an action may ask for a device at its stop asks for: a person goes faster as they grow sure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from qgf_ros.errors import InvalidSetting
from qgf_ros.teleop.steer import Press


class SpeedLevels:
    """State: the level in force. One thread."""

    def __init__(self, levels: Sequence[float]) -> None:
        """The slowest first, which is in force. Raises InvalidSetting unless they grow, above 0 and up to 1."""
        found = list(levels)
        grows = all(slow < fast for slow, fast in pairwise(found))
        if not found or not grows or not found[0] > 0.0 or not found[-1] <= 1.0:
            raise InvalidSetting(
                "The levels of speed", found, "numbers above 0 and up to 1, each above the last"
            )
        self._levels, self._place = found, 0

    @property
    def share(self) -> float:
        """The level in force, in (0, 1]."""
        return self._levels[self._place]

    def press(self, press: Press) -> None:
        """One level up or down; the last stay."""
        step = {Press.FASTER: 1, Press.SLOWER: -1}.get(press, 0)
        self._place = min(max(self._place + step, 0), len(self._levels) - 1)


def beyond_dead_zone(value: float, zone: float) -> float:
    """A stick's value in [-1, 1]: 0 where it rests, within `zone` of the middle; from there on evenly to its stop. No number is 0."""
    value = min(max(value, -1.0), 1.0) if value == value else 0.0
    size = abs(value)
    return 0.0 if size <= zone else (size - zone) / (1.0 - zone) * (1.0 if value > 0.0 else -1.0)
