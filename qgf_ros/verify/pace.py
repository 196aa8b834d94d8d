"""Whether ticks are missing that no certificate accounts for, and whether those that are said to be missing are."""

from __future__ import annotations

from qgf_ros.certificate import Certificate
from qgf_ros.verify.motion import Found
from qgf_ros.verify.violation import What

LATE = 0.8  # of a tick: later than that ...
PATIENCE = 5  # ... so many times in a row is no late tick but a missing one
DRIFT = 1e-3  # of a tick a tick: by which the clock of the stamps may run faster than that of the ticks
EARLY = (
    -0.5
)  # of a tick: a clock that stands, and leaps to the right time later; or ticks that were not missed
SAME = 0.5  # of a tick: a clock that goes on keeps its lateness, one that stands does not
JUMP = 50  # ticks: a jump of the clock, which is another matter


class PaceWatch:
    """State: how late ticks are against the earliest phase seen. A clock that is late keeps its phase, so lateness passes.

    Being early does not pass where ticks were said to be missed that were not: `PATIENCE` ticks as early as each other, soon
    after such a word, are found. Without one it is a clock that was set back a little.
    """

    def __init__(self, tick_ns: int) -> None:
        self._tick_ns, self._last_ns = tick_ns, 0
        self.forget()

    def forget(self) -> None:
        """The next tick gives the phase, or where the clock stands the first one after that."""
        self._expected_ns: float | None = None
        self._late = self._early = self._ticks = 0
        self._since_said = JUMP  # ticks since some were said to be missed
        self._row, self._row_late = 0, 0.0  # ticks that are as early as each other, and how much

    def check_counts(
        self, last: Certificate | None, certificate: Certificate, stamp_ns: int
    ) -> tuple[int, list[Found]]:
        """How many ticks were missed since the certificate before, and what is wrong with that count and with the commands'."""
        said = certificate.missed - last.missed if last is not None else 0
        found: list[Found] = []
        if said < 0 and certificate.tick > 1:
            found.append((What.MISSING_TICK, "missed", "it only grows", f"{said} since the tick before"))
        has_leapt = last is not None and certificate.clock_leaps != last.clock_leaps
        if said < 0 or certificate.tick <= 1 or has_leapt:
            self.forget()
        missed = 0 if certificate.tick <= 1 else max(said, 0)
        found += self.check(stamp_ns, missed)
        if last is None:
            return missed, found
        if certificate.followed not in (0, said):
            expected = f"{said} ticks were missed"
            found.append((What.MISSING_TICK, "followed", expected, str(certificate.followed)))
        if last.tick and certificate.tick not in (0, 1, last.tick + 1):
            expected = f"{last.tick + 1} follows, or 1 after a reset"
            found.append((What.TICK, "", expected, str(certificate.tick)))
        return missed, found

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
        self._ticks += 1
        is_settled = self._ticks > PATIENCE  # the first may have been late by nearly a tick
        self._since_said = 0 if missed and is_settled else self._since_said + 1
        if self._note_early(late, missed) == PATIENCE:
            return self._found(stamp_ns, f"{round(-late)} fewer passed than `missed` says")
        self._early = self._early + 1 if late < EARLY else 0
        if not self._row and (abs(late) > JUMP or self._early > JUMP):
            self.forget()
            return []
        if EARLY <= late < 0.0 and self._since_said > PATIENCE:
            self._expected_ns = float(stamp_ns)
        self._late = self._late + 1 if late > LATE else 0
        if self._late < PATIENCE:
            return []
        return self._found(stamp_ns, f"{round(late)} more passed than `missed` says")

    def _note_early(self, late: float, missed: int) -> int:
        """How many ticks in a row are as early as each other, since some were said to be missed; late ones among them count not."""
        if late >= EARLY:
            self._row *= late < 0.0  # no tick is late by a whole one: it is the clock that came back
            return 0
        is_same = any(abs(late - before) <= SAME for before in (self._row_late, self._row_late - missed))
        if self._row and is_same:
            self._row += 1
        else:
            self._row = int(self._since_said <= PATIENCE)
        self._row_late = late
        return self._row

    def _found(self, stamp_ns: int, found: str) -> list[Found]:
        self._expected_ns, self._late = float(stamp_ns), 0
        self._row, self._since_said = 0, JUMP
        return [(What.MISSING_TICK, "", "ticks that are missed are counted, and no others", found)]
