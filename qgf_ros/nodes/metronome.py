"""The command node's clock in real time: ticks in the thread that serves the callbacks, between two of them.

Why not an rclpy timer, nor a thread of its own: docs/adr/0019-process-and-clock-of-the-graph.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable

CLOSE_NS = 700_000  # this near to a tick no callback is begun: waking the executor and a callback take about half of it
LONGEST_S = 0.1  # a turn without a tick ends within this time, so that signals are noticed

Serve = Callable[[float], None]
"""Waits at most so many seconds for a callback that is due, and runs it."""


class Metronome:
    """Ticks at multiples of a period of the steady clock. One thread: the one that calls `turn` again and again.

    A tick that comes late by a period or more stands for those that were dropped; the phase stays.
    """

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick
        self._period_ns = 0
        self.next_ns = 0

    @property
    def is_running(self) -> bool:
        """True between `start` and `stop`."""
        return self._period_ns > 0

    @property
    def left_ns(self) -> int:
        """Time until the next tick, ns; 0 where it is due, or nothing ticks."""
        return max(self.next_ns - time.monotonic_ns(), 0) if self.is_running else 0

    def start(self, period_ns: int) -> None:
        """The first tick is one period from now."""
        self._period_ns = period_ns
        self.next_ns = time.monotonic_ns() + period_ns

    def stop(self) -> None:
        """No further tick; callbacks go on to be served."""
        self._period_ns = 0

    def settle(self, after_ns: int) -> None:
        """Within a tick: sleeps until so long after the tick was due. What is done then comes as regularly as the ticks."""
        time.sleep(max(self.next_ns - self._period_ns + after_ns - time.monotonic_ns(), 0) * 1e-9)

    def turn(self, serve: Serve) -> None:
        """Serves callbacks until a tick is near, sleeps until it is due, and ticks. Where nothing ticks: callbacks only.

        At least one callback that waits is served in a turn, however little time the ticks leave.
        """
        if not self.is_running:
            serve(LONGEST_S)
            return
        has_served = False
        while (left_ns := self.left_ns) > CLOSE_NS:
            serve(min((left_ns - CLOSE_NS) * 1e-9, LONGEST_S))
            has_served = True
        if not has_served:  # ticks take all of the time: a stop must still be heard
            serve(0.0)
        if not self.is_running:  # a callback has stopped it
            return
        time.sleep(self.left_ns * 1e-9)
        late = max(time.monotonic_ns() - self.next_ns, 0) // self._period_ns
        self.next_ns += (late + 1) * self._period_ns
        self._tick()
