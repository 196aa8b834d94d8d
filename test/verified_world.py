"""A command node without ROS that plays random chunks, and what its recorder would have seen: plain values in the order of sending."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sent_plans import plan_of

from qgf_ros.certificate import Certificate
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract, OutputKind, ToolLimits
from qgf_ros.control.certify import Certifier
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.control.monitor import JointMonitor
from qgf_ros.control.session import CommandSession, SessionConfig, Tick
from qgf_ros.datatypes import ActionChunk, JointReading, Sender
from qgf_ros.errors import ChunkRefused, QgfError
from qgf_ros.seen import Seen
from qgf_ros.verify.motion import Before, command_of
from qgf_ros.verify.sent import Sent

CONTRACTS = Path(__file__).parents[1] / "config" / "contracts"
TRAJECTORIES = "_trajectory"  # after a contract's name: its controllers take trajectories
STARTS = {
    "ur5e_cube": (0.0, -1.57, 1.57, -1.57, -1.57, 0.0, 0.3),
    "jaco_reach": (0.0, 3.1, 2.0, 0.0, 0.0, 0.0),
}
BEGIN_NS = 10_000_000_000


Command = Sent  # a message on a command topic


@dataclass(frozen=True)
class Executed:
    """A message on `executed`."""

    stamp_ns: int
    command: Before


@dataclass(frozen=True)
class Certified:
    """A message on `certificate`."""

    certificate: Certificate
    stamp_ns: int


@dataclass(frozen=True)
class Limits:
    """A message on `limits`."""

    texts: dict[str, str]


@dataclass(frozen=True)
class Emergency:
    """A message on `emergency_stop`."""

    pressed: bool


Entry = Command | Executed | Certified | Limits | Emergency | JointReading | ActionChunk


def contract_of(name: str) -> Contract:
    """A shipped contract, its tool bounded widely; with controllers that take trajectories where its name ends so."""
    contract = load_contract(CONTRACTS / f"{name.removesuffix(TRAJECTORIES)}.yaml")
    outputs = contract.deployment.outputs
    if name.endswith(TRAJECTORIES):
        outputs = tuple(replace(output, kind=OutputKind.TRAJECTORY) for output in outputs)
    tool = ToolLimits(3.0, ((-1.5, -1.5, -1.5), (1.5, 1.5, 1.5)))
    return replace(contract, deployment=replace(contract.deployment, tool=tool, outputs=outputs))


def everything_seen(contract: Contract) -> Seen:
    """Data that have every pose: motion begins at full speed."""
    limits = [contract.deployment.limits[joint] for joint in contract.interface.joints]
    lower, upper = tuple(limit.lower for limit in limits), tuple(limit.upper for limit in limits)
    return Seen(contract.interface.joints, lower, upper, lower, upper)


class World:
    """State: the session, the robot, which does what it is told, and all that was said."""

    def __init__(self, name: str, seed: int) -> None:
        self.contract = contract_of(name)
        self._rng = np.random.default_rng(seed)
        kinematics = Kinematics(self.contract)
        limits = LimitsInForce.of(self.contract)
        self._gate = CommandGate(self.contract, kinematics)
        self._monitor = JointMonitor(self.contract, everything_seen(self.contract))
        self.session = CommandSession(self._gate, self._monitor, SessionConfig(full_speed_confirmed=True))
        self._certifier = Certifier(self.contract, kinematics, limits)
        self._measured = np.array(STARTS[name.removesuffix(TRAJECTORIES)])
        self._stamps: int | None = None
        self._chunks = 0
        self.now_ns = BEGIN_NS
        self.entries: list[Entry] = [Limits(limits.values())]

    def run(self, ticks: int) -> list[Entry]:
        """A run: it starts, plays, and is now and then stopped, or left without joint states or chunks."""
        silent = quiet = 0
        for count in range(ticks):
            if self._rng.random() < 0.01:
                silent = int(self._rng.integers(8, 25))  # ticks without joint states
            if self._rng.random() < 0.01:
                quiet = int(self._rng.integers(10, 40))  # ticks without chunks
            if self._rng.random() < 0.01:
                self.session.stop("stopped")
            if count % 40 == 2:
                self._start()
            self.tick(silent == 0, quiet == 0)
            silent, quiet = max(silent - 1, 0), max(quiet - 1, 0)
        return self.entries

    def tick(self, has_joints: bool, has_chunks: bool) -> None:
        """One tick: joint states, perhaps a chunk, the command."""
        self.now_ns += self.contract.tick_ns
        if has_joints:
            joints, none = self.contract.interface.joints, np.zeros(0)
            reading = JointReading(self.now_ns, joints, self._measured.copy(), none, none)
            self._monitor.update(reading)
            self.entries.append(reading)
            self._stamps = self.now_ns
        if has_chunks and self.session.wants_chunk and self._rng.random() < 0.6:
            self._offer()
        self._certify(self.session.tick(self.now_ns), self.now_ns)

    def _offer(self) -> None:
        dimensions = self.contract.interface.action.dimensions
        actions = self._rng.uniform(-1, 1, (self.contract.interface.chunk_length, len(dimensions)))
        actions *= [dimension.scale for dimension in dimensions]
        stamp_ns = self._stamps or self.now_ns
        self._chunks += 1
        source = "teleop" if self.session.in_command is Sender.TELEOP else "weights-1"
        chunk = ActionChunk(self.contract.interface.action.names, actions, stamp_ns, source=source)
        self.entries.append(chunk)
        try:
            self.session.offer(chunk, self.now_ns)
        except ChunkRefused:
            return
        self._certifier.take_chunk(chunk)

    def _start(self) -> None:
        try:
            self._certify(self.session.start(self.now_ns), 0)
        except QgfError:
            return

    def _certify(self, tick: Tick, stamp_ns: int) -> None:
        joints, sent = self.contract.interface.joints, 0
        if tick.command is not None and stamp_ns:
            for output in self.contract.deployment.outputs:
                places = [joints.index(joint) for joint in output.joints]
                positions = tuple(tick.command.positions[places].tolist())
                is_plan = output.kind is OutputKind.TRAJECTORY
                plan = (
                    plan_of(tick.command, self._gate.unattended, output, places, self.contract.tick_ns)
                    if is_plan
                    else None
                )
                self.entries.append(plan or Command(output.topic, positions))
                sent += 1
            self._measured = tick.command.positions.copy()
        age_s = np.inf if self._stamps is None else (self.now_ns - self._stamps) * 1e-9
        certificate = self._certifier.certificate(tick, [age_s] * len(joints), sent)
        if sent:
            self.entries.append(Executed(stamp_ns, command_of(certificate)))
        self.entries.append(Certified(certificate, stamp_ns))
