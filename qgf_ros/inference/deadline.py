"""When a chunk must be there, on a clock that only goes forward: the machine's own, or in lockstep one that is stated."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from qgf_ros.contract.schema import Contract
from qgf_ros.errors import InvalidSetting


class Clock(Protocol):
    """Seconds since some moment of its own; never goes back."""

    def now_s(self) -> float:
        """The time."""
        ...


class MonotonicClock:
    """The machine's monotonic clock: no jump of the date moves a deadline."""

    def now_s(self) -> float:
        """The time."""
        return time.monotonic()


class VirtualClock:
    """State: the time, which passes only where work is stated to take some. Runs on it repeat bit by bit."""

    def __init__(self, now_s: float = 0.0) -> None:
        self._now_s = now_s

    def now_s(self) -> float:
        """The time."""
        return self._now_s

    def spend(self, stated_s: float) -> None:
        """Something is stated to have taken `stated_s`: the time goes on by it."""
        self._now_s += max(stated_s, 0.0)

    def restart(self) -> None:
        """It is 0 again: what is rounded then does not depend on what came before. Nobody may wait for a time of before."""
        self._now_s = 0.0


@dataclass(frozen=True)
class Deadline:
    """A chunk should be sent at `at_s` on `clock`; sent later than `useless_at_s` it would do harm and is dropped."""

    clock: Clock
    at_s: float
    useless_at_s: float

    @classmethod
    def within(cls, clock: Clock, budget_s: float, grace_s: float) -> Deadline:
        """`budget_s` from now, and useless `grace_s` after that."""
        at_s = clock.now_s() + budget_s
        return cls(clock, at_s, at_s + grace_s)

    def left_s(self) -> float:
        """Time until the deadline; negative after it."""
        return self.at_s - self.clock.now_s()

    def useful_s(self) -> float:
        """Time until a chunk is useless; negative after that."""
        return self.useless_at_s - self.clock.now_s()


@dataclass(frozen=True)
class Budget:
    """What a demand leaves to the policy, s: `within_s` from the demand to the chunk, and `grace_s` after which it is useless."""

    within_s: float
    grace_s: float

    @classmethod
    def of(cls, contract: Contract, deadline_s: float, margin_s: float) -> Budget:
        """`deadline_s`, or where that is 0 the contract's: until the chunk is to take over, at least one control period.

        `margin_s` of it is kept for the way to the command node; a chunk is useless one control period after its deadline.

        Raises:
            InvalidSetting: the margin leaves nothing.
        """
        period_s = contract.interface.control_period_s
        whole_s = deadline_s or max(contract.deployment.chunks.delay, 1) * period_s
        if margin_s >= whole_s:
            raise InvalidSetting(
                "Parameter deadline_margin_s", margin_s, f"less than the deadline of {whole_s:g} s"
            )
        return cls(whole_s - margin_s, period_s)

    def deadline(self, clock: Clock, passed_s: float, check_s: float = 0.0) -> Deadline:
        """The deadline of an attempt `passed_s` after its demand; of a demand missed already, as if it were new.

        `check_s` of it is left to the command node, which looks at a chunk before it plays it.
        """
        passed_s = passed_s if 0.0 <= passed_s < self.within_s else 0.0
        return Deadline.within(clock, self.within_s - passed_s - check_s, self.grace_s)
