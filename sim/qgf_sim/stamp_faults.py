"""Faults of the stamps of sensor streams: off by some time, jumping with all clocks, standing with them. Ours."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qgf_sim.faults import EVERY, Memory, Sensed, StreamFault


@dataclass(frozen=True)
class Skew(StreamFault):
    """Stamps are off by `seconds`; below 0 they are old."""

    seconds: float = 0.3

    def passed(self, message: Sensed, memory: Memory, now_ns: int) -> list[Sensed]:
        return [replace(message, stamp_ns=max(message.stamp_ns + round(self.seconds * 1e9), 0))]


@dataclass(frozen=True)
class ClockJump(Skew):
    """All clocks jump at once: every stamp and the clock itself are off by `seconds`, and come back when the fault ends."""

    topic: str = EVERY
    seconds: float = -5.0

    def concerns(self, topic: str) -> bool:
        """Every topic, the clock's too."""
        return self.topic == EVERY or topic == self.topic


@dataclass(frozen=True)
class ClockStands(StreamFault):
    """All clocks stand at once, as of a simulation that is paused: messages go on, and every stamp and the clock stay the same."""

    topic: str = EVERY

    def concerns(self, topic: str) -> bool:
        """Every topic, the clock's too."""
        return self.topic == EVERY or topic == self.topic

    def passed(self, message: Sensed, memory: Memory, now_ns: int) -> list[Sensed]:
        if not memory.held:
            memory.held.append((now_ns, message))
        return [replace(message, stamp_ns=memory.held[0][1].stamp_ns)]
