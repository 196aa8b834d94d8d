"""When a chunk is due: what the command node last asked for, and whether the readings for it are there."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from qgf_ros.contract.schema import Contract, Message
from qgf_ros.datatypes import Reading

REMEMBERED = 64  # certificates: more ticks than pass between an observation and the certificates behind it


@dataclass(frozen=True)
class Demand:
    """One certificate of the command node, as far as it concerns a policy.

    `stamp_ns` is that of the tick (0: an announcement between ticks), `chunk_stamp_ns` that of the chunk in play (0: none
    since the last reset or start). A chunk must come from sensor readings stamped `wanted_from_ns` or later.
    `begun`: index, in the chunk in play, of the action in force at the next tick. `horizon` and `delay`: s and d of the
    contract that the command node runs. `check_s`: what the command node takes to look at a chunk before it is played, s.
    """

    stamp_ns: int
    wants_chunk: bool
    wanted_from_ns: int
    chunk_stamp_ns: int
    begun: int = 0
    horizon: int = 0
    delay: int = 0
    check_s: float = 0.0


class DemandBook:
    """State: the newest demands, and the last one that was answered. Each demand is answered once. One thread.

    A demand is known by its `wanted_from_ns`, which stays until the command node has taken a chunk or asks for another. It
    is answered anew only after `resend_after_s` (the chunk was lost); None never sends again: lockstep waits.
    """

    def __init__(self, contract: Contract, resend_after_s: float | None) -> None:
        entries = contract.interface.inputs
        self._sensors = tuple(entry.name for entry in entries if entry.message is not Message.COMMAND)
        self._commands = tuple(entry.name for entry in entries if entry.message is Message.COMMAND)
        self._tick_ns = contract.tick_ns
        self._resend_after_s = resend_after_s
        self.reset()

    def reset(self) -> None:
        """Forgets what was asked and sent: the next demand is that of a new episode."""
        self._demand: Demand | None = None
        self._noted: deque[Demand] = deque(maxlen=REMEMBERED)
        self._answered_ns = self._sent_stamp_ns = 0
        self._sent_at_s = 0.0

    def note(self, demand: Demand) -> None:
        """A certificate came."""
        self._demand = demand
        self._noted.append(demand)

    def sent(self, stamp_ns: int, steady_s: float) -> None:
        """The chunk for the newest demand, observed at `stamp_ns`, left at `steady_s` on a steady clock."""
        self._answered_ns, self._sent_stamp_ns, self._sent_at_s = self.wanted_from_ns, stamp_ns, steady_s

    def as_of(self, observed_ns: int) -> Demand | None:
        """The certificate of the last tick before an observation: it says which action the observation's first one is."""
        before = (demand for demand in reversed(self._noted) if demand.stamp_ns < observed_ns)
        return next(before, None)

    @property
    def check_s(self) -> float:
        """What the command node takes to look at a chunk, s."""
        return self._demand.check_s if self._demand is not None else 0.0

    @property
    def wanted_from_ns(self) -> int:
        """Since when the newest demand stands, as a stamp; 0 without one."""
        return self._demand.wanted_from_ns if self._demand is not None else 0

    def is_open(self, steady_s: float) -> bool:
        """True when the command node waits for a chunk that was not sent yet.

        A wish for later is open once the tick before it has been certified: only then it is known what the robot will do.
        """
        if self._demand is None or not self._demand.wants_chunk:
            return False
        if 0 < self._demand.stamp_ns < self._demand.wanted_from_ns - self._tick_ns:
            return False
        if self._sent_stamp_ns:
            is_new = self._demand.wanted_from_ns != self._answered_ns
        else:
            is_new = not self._demand.chunk_stamp_ns  # with a chunk in play it is one from before the reset
        if is_new:
            return True
        return self._resend_after_s is not None and steady_s - self._sent_at_s >= self._resend_after_s

    def waiting_for(self, readings: Mapping[str, Reading]) -> tuple[str, ...]:
        """Names of the inputs whose newest reading does not serve the newest demand.

        Sensors must be stamped `wanted_from_ns` or later; commands as the certified tick or later, and after an
        announcement no more than one tick before `wanted_from_ns`.
        """
        if self._demand is None:
            return ()
        command_ns = self._demand.stamp_ns or self._demand.wanted_from_ns - self._tick_ns
        since = dict.fromkeys(self._sensors, self._demand.wanted_from_ns)
        since |= dict.fromkeys(self._commands, command_ns)
        return tuple(
            name
            for name, stamp_ns in since.items()
            if name not in readings or readings[name].stamp_ns < stamp_ns
        )
