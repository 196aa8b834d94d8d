"""Whether ticks are missing that no certificate accounts for."""

from __future__ import annotations

from qgf_ros.verify.motion import Found
from qgf_ros.verify.violation import What

LATE = 0.8  # of a tick: later than that ...
PATIENCE = 5  # ... so many times in a row is no late tick but a missing one
DRIFT = 1e-3  # of a tick a tick: by which the clock of the stamps may run faster than that of the ticks
EARLY = -0.5  # of a tick: a clock that stands, and leaps to the right time later
JUMP = 50  # ticks: a jump of the clock, which is another matter


class PaceWatch:
    """State: how late ticks are against the earliest phase seen. A clock that is late keeps its phase, so lateness passes."""

    def __init__(self, tick_ns: int) -> None:
        self._tick_ns, self._last_ns = tick_ns, 0
        self.forget()

    def forget(self) -> None:
        """The next tick gives the phase, or where the clock stands the first one after that."""
        self._expected_ns: float | None = None
        self._late = self._early = 0

    def check(self, stamp_ns: int, missed: int) -> list[Found]:
        """A tick, and how many are said to be missed since the one before."""
        stands, self._last_ns = stamp_ns == self._last_ns, stamp_ns
        if self._expected_ns is None and stands:
            return []
        if self._expected_ns is None:
            self._expected_ns = float(stamp_ns)
        else:
            self._expected_ns += (1 + missed + DRIFT) * self._tick_ns
        late = (stamp_ns - self._expected_ns) / self._tick_ns
        self._early = self._early + 1 if late < EARLY else 0
        if abs(late) > JUMP or self._early > JUMP:
            self.forget()
            return []
        if EARLY <= late < 0.0:
            self._expected_ns = float(stamp_ns)
        self._late = self._late + 1 if late > LATE else 0
        if self._late < PATIENCE:
            return []
        self._expected_ns, self._late = float(stamp_ns), 0
        return [
            (
                What.MISSING_TICK,
                "",
                "ticks that are missed are counted",
                f"{round(late)} more passed than `missed` says",
            )
        ]
