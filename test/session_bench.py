"""A command session under test: its clock, its joint states, and an arm that follows every command at once."""

from __future__ import annotations

import numpy as np
from limit_checks import assert_inside_limits

from qgf_ros.contract.schema import Contract
from qgf_ros.control.foresight import PathCheck
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.monitor import JointMonitor
from qgf_ros.control.session import CommandSession, SessionConfig, Tick
from qgf_ros.datatypes import ActionChunk, FloatArray, JointReading, Rung
from qgf_ros.seen import Seen

TICK_NS = 10_000_000
BEGIN_NS = 1_000_000_000
NOTHING = np.zeros(0)
FULL_SPEED = SessionConfig(full_speed_confirmed=True)


class Bench:
    """A session, its clock, and an arm that follows every command at once."""

    def __init__(
        self,
        contract: Contract,
        config: SessionConfig = FULL_SPEED,
        seen: Seen | None = None,
        look_ahead: PathCheck | None = None,
    ) -> None:
        self.contract = contract
        self.monitor = JointMonitor(contract, seen)
        self.gate = CommandGate(contract, None, look_ahead)
        self.session = CommandSession(self.gate, self.monitor, config)
        self.now_ns = BEGIN_NS
        self.positions = {"elbow": -0.25, "shoulder": 0.5}
        self.ticks: list[Tick] = []

    def see(self, **changes: float) -> None:
        """Joint states come in, in an order that is not the contract's."""
        found = self.positions | changes
        self.read(tuple(found), list(found.values()))

    def read(self, names: tuple[str, ...], positions: list[float]) -> None:
        """Joint states come in as given."""
        self.monitor.update(JointReading(self.now_ns, names, np.array(positions), NOTHING, NOTHING))

    def tick(self, count: int = 1, sees: bool = True) -> Tick:
        """Serves ticks; the last one."""
        for _ in range(count):
            if sees:
                self.see()
            self.ticks.append(self.session.tick(self.now_ns))
            self._follow(self.ticks[-1])
            self.now_ns += TICK_NS
        return self.ticks[-1]

    def offer(
        self,
        actions: FloatArray | None = None,
        names: tuple[str, ...] = ("shoulder", "elbow"),
        stamp_ns: int = 0,
        source: str = "",
    ) -> None:
        """A chunk comes; by default it asks for full speed, from the present."""
        given = np.array([[0.1, 0.2]] * 4) if actions is None else actions
        self.session.offer(ActionChunk(names, given, stamp_ns or self.now_ns, source=source), self.now_ns)

    def run(self) -> None:
        """Starts, and plays half of a first chunk: the arm is moving."""
        self.tick()
        self.session.start(self.now_ns)
        self.offer()
        self.tick(8)
        assert not self.session.is_at_rest

    def _follow(self, tick: Tick) -> None:
        if tick.command is not None:
            self.positions = dict(
                zip(self.contract.interface.joints, tick.command.positions.tolist(), strict=True)
            )

    def commands(self) -> FloatArray:
        """Position, velocity, acceleration of all commands so far (T, 3, J)."""
        sent = [tick.command for tick in self.ticks if tick.command is not None]
        return np.array([[command.positions, command.velocities, command.accelerations] for command in sent])


def assert_brakes_and_stays(bench: Bench, reason: str) -> None:
    """From now on: hold with this reason, inside the limits, to rest."""
    begun = len(bench.ticks)
    bench.tick(100, sees=False)
    assert {(tick.rung, tick.reason) for tick in bench.ticks[begun:]} == {(Rung.HOLD, reason)}
    assert bench.session.is_at_rest
    assert_inside_limits(bench.contract, bench.commands())
