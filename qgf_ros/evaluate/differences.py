"""What a fault really changed: what a command session received and what its robot did, beside the same run without the fault.

Everything is on virtual time and from one seed, so the two runs are the same bit by bit until the fault strikes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass

import numpy as np

Tick = Mapping[str, Sequence[Hashable]]
NOTHING = "nothing differed from the run without it"


class Log:
    """One run. State: by tick and stream (`clock`, an input's name, `chunks`, `calls`, `set-points`, `joint motion`) what came."""

    def __init__(self) -> None:
        self.ticks: list[Tick] = []
        self._now: dict[str, list[Hashable]] = defaultdict(list)

    def note(self, stream: str, value: object) -> None:
        """Something came on a stream."""
        self._now[stream].append(_plain(value))

    def end_tick(self) -> None:
        """All that came since the last one belongs to this tick."""
        self.ticks.append(dict(self._now))
        self._now.clear()


@dataclass(frozen=True)
class Difference:
    """The streams that differed first, from which tick on (1: that in which the fault struck), in how many ticks of how many."""

    streams: tuple[str, ...]
    first: int
    ticks: int
    of: int

    @property
    def words(self) -> str:
        """For people."""
        return f"{', '.join(self.streams)} differ from tick {self.first} on, in {self.ticks} of {self.of}"


def difference(disturbed: Sequence[Tick], undisturbed: Sequence[Tick]) -> Difference | None:
    """What differed between two runs, from the tick in which a fault struck one of them; None where nothing did.

    What differs later than the first follows from it: a joint that moved otherwise is measured otherwise.
    """
    differing = [_differing(one, other) for one, other in zip(disturbed, undisturbed, strict=True)]
    first = next((place for place, streams in enumerate(differing) if streams), None)
    if first is None:
        return None
    streams = differing[first]
    ticks = sum(bool(streams & later) for later in differing)
    return Difference(tuple(sorted(streams)), first + 1, ticks, len(differing))


def _differing(one: Tick, other: Tick) -> set[str]:
    return {stream for stream in one.keys() | other.keys() if one.get(stream) != other.get(stream)}


def _plain(value: object) -> Hashable:
    """A value of numbers, texts, arrays and dataclasses as what can be compared bit by bit."""
    if isinstance(value, np.ndarray):
        return value.shape, value.tobytes()
    if is_dataclass(value):
        return tuple(_plain(getattr(value, entry.name)) for entry in fields(value))
    if isinstance(value, Mapping):
        return tuple((key, _plain(entry)) for key, entry in value.items())
    assert isinstance(value, Hashable), "what comes is a message, a mapping of numbers or a word"
    return value
