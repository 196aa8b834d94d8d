"""A guidance weight that moves to a new value over a stated time, counted on the stamps of chunks."""

from __future__ import annotations


class WeightRamp:
    """State: where the ramp began and where it leads. Time is that of chunk stamps, so that lockstep runs repeat.

    The ramp begins at the last chunk before the change: the first chunk after it has already moved on.
    """

    def __init__(self, weight: float, ramp_s: float) -> None:
        self._ramp_ns = round(ramp_s * 1e9)
        self._from = self.target = weight
        self._began_ns = 0
        self._last_ns: int | None = None

    def set(self, target: float) -> None:
        """Leads from the present value to `target`; at once where no chunk was made yet."""
        if self._last_ns is None:
            self._from = self.target = target
            return
        self._from, self._began_ns = self._value(self._last_ns), self._last_ns
        self.target = target

    def settle(self) -> None:
        """Ends the ramp: an episode begins with the weight that is set."""
        self._from, self._last_ns = self.target, None

    def advance(self, stamp_ns: int) -> float:
        """The weight for the chunk from the observation stamped `stamp_ns`."""
        self._last_ns = stamp_ns
        return self._value(stamp_ns)

    def _value(self, stamp_ns: int) -> float:
        passed_ns = max(stamp_ns - self._began_ns, 0)
        if self._from == self.target or passed_ns >= self._ramp_ns:
            return self.target
        return self._from + (self.target - self._from) * (passed_ns / self._ramp_ns)
