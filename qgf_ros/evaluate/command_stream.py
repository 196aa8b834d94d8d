"""How regular a stream of commands was, and where each came from: figures of a run that was recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qgf_ros.datatypes import FloatArray, Rung

AWAY = "away"  # a reason: docs/safety.md
Times = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Certificate:
    """Of one tick: its stamp (ns), its rung, how many commands left, the ticks dropped so far, why the arm holds."""

    stamp_ns: int
    rung: str
    commands: int
    missed: int
    reason: str = ""


@dataclass(frozen=True)
class Window:
    """An episode: from its first tick to its last, stamps in ns."""

    first_ns: int
    last_ns: int

    def holds(self, stamp_ns: int) -> bool:
        """True where the stamp lies within."""
        return self.first_ns <= stamp_ns <= self.last_ns


@dataclass(frozen=True)
class Topic:
    """When the messages of one topic were sent and when they came, ns, in order."""

    sent_ns: Times
    received_ns: Times


def command_figures(
    certificates: Sequence[Certificate], windows: Sequence[Window], commands: Topic, period_ns: int
) -> dict[str, object]:
    """The figures of a run: counts over all its ticks, rungs and intervals within the episodes.

    `commands` is one output's topic. A tick without a command is one that was dropped, or whose certificate names none;
    before the arm's first command there is none to give, nor (`ticks_away`) while the arm stands elsewhere than it rested, as
    when a simulator begins anew, until it is reset. `fresh_share`: ticks on rung `chunk` over all in the windows;
    `fresh_share_after_first`: the same without the ticks at which an episode waits for its first chunk.
    """
    placed = _from_first_command(certificates)
    inside = [[entry for entry in placed if window.holds(entry.stamp_ns)] for window in windows]
    rungs = Counter(entry.rung for episode in inside for entry in episode)
    missed = placed[-1].missed - placed[0].missed if placed else 0
    away = sum(entry.commands == 0 and entry.reason == AWAY for entry in placed)
    silent = sum(entry.commands == 0 for entry in placed) - away
    waiting = sum(_ticks_before_first_chunk(episode) for episode in inside)
    fresh, total = rungs[Rung.CHUNK.value], rungs.total()
    return {
        "ticks": len(placed),
        "ticks_without_command": silent + missed,
        "missed_ticks": missed,
        "ticks_away": away,
        "episode_ticks": total,
        "fresh_share": fresh / max(total, 1),
        "fresh_share_after_first": fresh / max(total - waiting, 1),
        "first_chunk_ticks": waiting,
        "rungs": {rung.value: rungs[rung.value] for rung in Rung},
        "jitter_sent_ms": spread(_jitter_ms(commands.sent_ns, commands.sent_ns, windows, period_ns)),
        "jitter_received_ms": spread(_jitter_ms(commands.received_ns, commands.sent_ns, windows, period_ns)),
    }


def spread(values: FloatArray) -> dict[str, float | int]:
    """Count, median, 99th percentile and maximum; without values only the count."""
    if not len(values):
        return {"count": 0}
    p50, p99 = np.quantile(values, [0.5, 0.99])
    return {"count": len(values), "p50": float(p50), "p99": float(p99), "worst": float(values.max())}


def _from_first_command(certificates: Sequence[Certificate]) -> list[Certificate]:
    served = [
        entry for entry in certificates if entry.stamp_ns
    ]  # an announcement has no stamp, and is no tick
    first = next((index for index, entry in enumerate(served) if entry.commands), len(served))
    return served[first:]


def _ticks_before_first_chunk(episode: Sequence[Certificate]) -> int:
    return next((index for index, entry in enumerate(episode) if entry.rung == Rung.CHUNK.value), 0)


def _jitter_ms(times_ns: Times, sent_ns: Times, windows: Sequence[Window], period_ns: int) -> FloatArray:
    """How far each interval is from the period, ms, for the messages that were sent within one window."""
    parts = [
        np.abs(np.diff(times_ns[(sent_ns >= window.first_ns) & (sent_ns <= window.last_ns)]) - period_ns)
        * 1e-6
        for window in windows
    ]
    return np.concatenate([np.zeros(0), *parts])
