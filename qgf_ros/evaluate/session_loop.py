"""Robot, faults and command session in one process, tick by tick on virtual time: what the command node does, without ROS.

`ClosedLoop` runs what is in order; here the sensors, the sender of chunks and the operator may do anything, and everything that
leaves is watched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

import qgf_sim
from qgf_ros.contract.schema import Contract, Message
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.kinematics import Kinematics, kinematics_of
from qgf_ros.control.look_ahead import LookAhead, look_ahead_of
from qgf_ros.control.monitor import JointMonitor
from qgf_ros.control.session import CommandSession, SessionConfig, Tick
from qgf_ros.control.unattended import places_that_go_on
from qgf_ros.datatypes import JointCommand, JointReading, Reading
from qgf_ros.errors import ChunkRefused, QgfError
from qgf_ros.evaluate.limit_watch import LimitWatch
from qgf_ros.evaluate.robot import SCENE_INPUT, SimulatedRobot
from qgf_ros.evaluate.sensor_feed import SensorFeed
from qgf_ros.evaluate.served import Served as Served
from qgf_ros.evaluate.sources import ChunkSource, Wish
from qgf_ros.evaluate.witness import Witness
from qgf_sim.fault_line import FaultLine, Planned
from qgf_sim.plant_faults import FaultySimulation

SCALING_TOPIC = "speed_scaling_state_broadcaster/speed_scaling"
FAILED = "failed:exception"  # as the session counts what it caught
FULL_SPEED = 100.0  # percent
BEGIN_NS = 10_000_000_000  # stamp of the first tick: a fault may make stamps older than that
AS_IN_SIMULATION = SessionConfig(full_speed_confirmed=True)
Note = Callable[[str, object], None]
"""Hears what comes on a stream: `clock`, an input of the contract, `chunks`, `calls`, `set-points` of the drives, `joint motion`."""

MakeGate = Callable[[Contract, Kinematics | None, LookAhead | None], CommandGate]


def with_speed_scaling(contract: Contract) -> Contract:
    """The contract with a controller that says how fast it follows."""
    return replace(contract, deployment=replace(contract.deployment, speed_scaling=SCALING_TOPIC))


class SessionLoop:
    """State: the robot, its faults, the command session. One thread. `reset` comes first.

    `speed_percent` is what the controller says of its speed, where the contract has a topic for it; None: it is silent. Whoever
    sets `note` hears all that the session receives and the robot does.
    """

    def __init__(
        self,
        contract: Contract,
        simulation: qgf_sim.Simulation,
        source: ChunkSource,
        make_gate: MakeGate = CommandGate,
        config: SessionConfig = AS_IN_SIMULATION,
    ) -> None:
        """Raises ContractError where the robot does not fit the contract, or its kinematic model or scene cannot be used."""
        self.contract = contract
        self.source = source
        self.faults = FaultLine()
        self.simulation = FaultySimulation(simulation, self.faults)
        self._robot = SimulatedRobot(contract, self.simulation)
        self._sensors = SensorFeed(contract, self.simulation)
        self._kinematics = kinematics_of(contract)
        self._look_ahead = look_ahead_of(contract)
        self._command_inputs = [
            entry.name for entry in contract.interface.inputs if entry.message is Message.COMMAND
        ]
        self._make_gate, self._config = make_gate, config
        self.note: Note = lambda _stream, _value: None

    def reset(self, seed: int, script: Sequence[Planned] = ()) -> None:
        """A new episode: the robot at rest, the command node activated just now, faults as planned."""
        self.faults = self.simulation.plant = FaultLine(script, seed)
        contract = self.contract
        self.monitor = JointMonitor(contract)
        self.gate = self._make_gate(contract, self._kinematics, self._look_ahead)
        self.session = CommandSession(self.gate, self.monitor, self._config)
        self._witness = Witness(contract, self._kinematics, self._config.chunk_max_age_s)
        self._watch = LimitWatch(
            contract.interface.joints, contract.deployment.limits, contract.tick_ns * 1e-9
        )
        self._readings: dict[str, Reading] = {}
        self.last: Tick | None = None
        self.command: JointCommand | None = None
        self._reset_asked: int | None = None  # `session.stops` when it was
        self._wants_activation = False
        self.speed_percent: float | None = FULL_SPEED
        self._ticks, self.now_ns = 0, BEGIN_NS
        self._missed = self._followed = 0
        self._unverified: list[str] = []  # of announcements, which belong to no tick
        self.source.reset(seed)
        self.new_scene(seed)

    def new_scene(self, seed: int) -> None:
        """Another scene, the robot at its start; stamps go on, and the session is told nothing."""
        self.simulation.reset(seed)
        state = self.simulation.joint_state()
        self._set_points = dict(zip(state.names, state.positions.tolist(), strict=True))

    @property
    def at_s(self) -> float:
        """Seconds from the episode's beginning to the next tick."""
        return self._ticks * self.contract.tick_ns * 1e-9

    # -- the operator --------------------------------------------------------------------------------------------------

    def start(self) -> str:
        """Starts; the answer is the reason why not, or empty."""
        self.note("calls", "start")
        try:
            self.last = self.session.start(self.now_ns)
        except QgfError as error:
            return str(error)
        self._unverified += self._witness.announce(self.last, self._ages(), self._missed)
        return ""

    def emergency_stop(self, is_pressed: bool = False) -> None:
        """The service, or the topic's word (`is_pressed`), which forbids a reset until it is released."""
        self.session.emergency_stop(is_pressed)
        if is_pressed:
            self._witness.emergency(True)
        else:
            self._witness.emergency_called()

    def emergency_release(self) -> None:
        """The topic's other word."""
        self.session.emergency_release()
        self._witness.emergency(False)

    def stop(self) -> None:
        """Brakes to rest and holds."""
        self.session.stop("stopped")

    def ask_reset(self) -> None:
        """As the node: brakes, and begins anew at the measured pose once the arm is at rest."""
        self._reset_asked = self.session.stops
        self.session.stop("reset")

    def activate(self) -> None:
        """As the node, deactivated and activated again: brakes; at rest it forgets the robot, and joint states place it anew."""
        self.session.stop("deactivated")
        self._reset_asked, self._wants_activation = None, True

    def _begin_if_at_rest(self) -> None:
        if not self.session.is_at_rest:
            return
        if self._wants_activation:
            self._wants_activation = False
            self.session.clear()
        stops, self._reset_asked = self._reset_asked, None
        if stops is None:
            return
        try:
            self.command = self.session.begin(self.now_ns, stops=stops)
        except QgfError:
            return  # what the operator is told; the arm holds
        self._watch.begin_anew()

    # -- a tick --------------------------------------------------------------------------------------------------------

    def stall(self, ticks: int) -> None:
        """The command node's computer stalls: before the next tick so many pass without one. Controllers hold."""
        assert not places_that_go_on(self.contract), "the robot of this loop follows no plans"
        for _ in range(ticks):
            self._sense_next()
            self._robot.step(self._set_points)
        self._followed += ticks
        self._missed += ticks

    def tick(self) -> Served:
        """Sensors, chunks, the command; then the robot moves on under it."""
        at_ns = self._sense_next()
        if self.contract.deployment.speed_scaling is not None and self.speed_percent is not None:
            self.session.speed_scaling(self.speed_percent, self.now_ns)
        self._begin_if_at_rest()
        refused = self._receive()
        failed = self.session.counts[FAILED]
        followed, self._followed = self._followed, 0
        self.session.miss(followed)
        if self.gate.unattended.is_stall(followed):
            self._watch.stand()
        tick = self.last = self.session.tick(self.now_ns, BEGIN_NS + at_ns)
        broken = self._look(tick)
        unverified, self._unverified = self._unverified, []
        unverified += self._witness.tick(tick, self._ages(), self.now_ns, self._missed, followed)
        self._robot.step(self._set_points)
        self.note("set-points", self.simulation.reached)
        self.note("joint motion", self.simulation.simulation.joint_state().positions)
        failures = (self.session.sentence,) * (self.session.counts[FAILED] - failed)
        return Served(at_ns * 1e-9, self.now_ns, tick, refused, broken, tuple(unverified), failures)

    def _ages(self) -> list[float]:
        ages: list[float] = self.monitor.ages_s(self.now_ns).tolist()
        return ages

    def _sense_next(self) -> int:
        """What is published at the next tick; its time from the episode's beginning, ns."""
        at_ns = self._ticks * self.contract.tick_ns
        self._ticks += 1
        self.faults.advance(at_ns)
        self._sense(BEGIN_NS + at_ns)
        return at_ns

    def _sense(self, stamp_ns: int) -> None:
        """What the robot publishes at `stamp_ns`, as it comes through the faults."""
        self.now_ns = self._sensors.clock(self.faults, stamp_ns) or self.now_ns
        self.note("clock", self.now_ns)
        for name, reading in self._sensors.readings(self.faults, stamp_ns):
            self._readings[name] = reading
            self.note(name, reading)
            if isinstance(reading, JointReading) and name != SCENE_INPUT:
                self.monitor.update(reading, self.now_ns)
                self._witness.joints(reading)

    def _receive(self) -> tuple[str, ...]:
        """Offers the chunks that come; the reasons of those refused."""
        refused = []
        for chunk in self.source.arriving(Wish(self.last, self.now_ns, self._readings)):
            self.note("chunks", chunk)
            self._witness.offered(chunk)
            try:
                self.session.offer(chunk, self.now_ns)
                self._witness.taken(chunk)
            except ChunkRefused as error:
                refused.append(error.reason)
        return tuple(refused)

    def _look(self, tick: Tick) -> tuple[str, ...]:
        """Sends the command on, and says what is wrong with it."""
        command = tick.command
        if command is None:
            return ()
        if command.tick == 1:
            self._watch.begin_anew()
        joints = self.contract.interface.joints
        positions = dict(zip(joints, command.positions.tolist(), strict=True))
        self._set_points |= positions
        executed = JointReading(command.stamp_ns, joints, command.positions, command.velocities, np.zeros(0))
        self._readings |= dict.fromkeys(self._command_inputs, executed)
        self.command = command
        return tuple(self._watch.look(command))
