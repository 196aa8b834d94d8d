"""Certifies each tick as the command node does, and verifies it at once as `qgf verify` does with a recording."""

from __future__ import annotations

from collections.abc import Sequence

from qgf_ros.contract.schema import Contract, OutputKind
from qgf_ros.control.certify import Certifier
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.control.session import Tick
from qgf_ros.datatypes import ActionChunk, JointReading
from qgf_ros.verify.sent import Sent
from qgf_ros.verify.verifier import Allowance, Verifier

ON_TOPICS = (OutputKind.GROUP, OutputKind.TRAJECTORY)


class Witness:
    """State: the certifier's and the verifier's, of one command node from its configuration on. One thread."""

    def __init__(self, contract: Contract, kinematics: Kinematics | None, chunk_max_age_s: float) -> None:
        """Raises UnreadableFileError where the contract's model cannot be read."""
        self._certifier = Certifier(contract, kinematics, LimitsInForce.of(contract))
        self._verifier = Verifier(contract, Allowance(chunk_max_age_s))
        joints = contract.interface.joints
        self._outputs = [
            (entry.topic, [joints.index(joint) for joint in entry.joints])
            for entry in contract.deployment.outputs
            if entry.kind in ON_TOPICS
        ]

    def joints(self, reading: JointReading) -> None:
        """Joint states came."""
        self._verifier.joints(reading)

    def offered(self, chunk: ActionChunk) -> None:
        """A chunk came."""
        self._verifier.chunk(chunk)

    def taken(self, chunk: ActionChunk) -> None:
        """It was taken."""
        self._certifier.take_chunk(chunk)

    def emergency(self, is_pressed: bool) -> None:
        """The emergency stop was pressed, or released."""
        self._verifier.emergency(is_pressed)

    def emergency_called(self) -> None:
        """The service was called."""
        self._verifier.emergency_called()

    def announce(self, tick: Tick, ages_s: Sequence[float], missed: int = 0) -> list[str]:
        """A certificate between ticks: the wish for a first chunk, after `missed` ticks in all. What does not hold, one line each."""
        certificate = self._certifier.certificate(tick, ages_s, 0, missed)
        return [str(violation) for violation in self._verifier.tick(certificate, 0, [])]

    def tick(
        self, tick: Tick, ages_s: Sequence[float], stamp_ns: int, missed: int = 0, followed: int = 0
    ) -> list[str]:
        """The certificate of a tick, whose command left on every output. What does not hold, one line each.

        `missed` ticks in all, `followed` of them just before this one.
        """
        sent = []
        if tick.command is not None:
            positions = tick.command.positions.tolist()
            sent = [
                Sent(topic, tuple(positions[place] for place in places)) for topic, places in self._outputs
            ]
        certificate = self._certifier.certificate(tick, ages_s, len(sent), missed, followed)
        return [str(violation) for violation in self._verifier.tick(certificate, stamp_ns, sent)]
