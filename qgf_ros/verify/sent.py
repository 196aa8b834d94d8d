"""Whether what left on the command topics is what the certificate says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qgf_ros.certificate import Certificate
from qgf_ros.contract.schema import Contract, OutputKind
from qgf_ros.verify.bounds import Bounds
from qgf_ros.verify.motion import REST, ROUNDING, Before, Found
from qgf_ros.verify.violation import What

ON_TOPICS = (OutputKind.GROUP, OutputKind.TRAJECTORY)
GO_ON = (OutputKind.TRAJECTORY, OutputKind.FOLLOW_JOINT_TRAJECTORY)


@dataclass(frozen=True)
class Point:
    """A later point of a trajectory: positions and velocities of its joints."""

    positions: tuple[float, ...]
    velocities: tuple[float, ...]


@dataclass(frozen=True)
class Sent:
    """A message on an output, by the topic's name in the contract: positions in the order of the output's joints.

    A trajectory has velocities too, the names it gives its joints, and the points that follow.
    """

    topic: str
    positions: tuple[float, ...]
    velocities: tuple[float, ...] = ()
    joints: tuple[str, ...] = ()
    later: tuple[Point, ...] = ()


class SentCheck:
    """Knows the contract's outputs. Keeps nothing."""

    def __init__(self, contract: Contract) -> None:
        joints, outputs = contract.interface.joints, contract.deployment.outputs
        self._tick_s = contract.tick_ns * 1e-9
        self._outputs = {entry.topic: entry for entry in outputs if entry.kind in ON_TOPICS}
        self._places = {entry.topic: [joints.index(joint) for joint in entry.joints] for entry in outputs}
        follows = {joint for entry in outputs if entry.kind in GO_ON for joint in entry.joints}
        self._follows = tuple(joint in follows for joint in joints)
        self._one_tick = (self._tick_s,) * len(joints)
        self._bridged = contract.ticks_per_action

    def seconds(self, followed: int) -> tuple[float, ...]:
        """For each joint, how much of its plan passed since the command before, s: more where its controller went on by itself."""
        if not followed:
            return self._one_tick
        return tuple(self._tick_s * (1 + followed * follows) for follows in self._follows)

    def stood(self, before: Before, followed: int) -> Before:
        """The command before, as it must be gone on from: after more missed ticks than a control period has, joints whose
        controllers hold stand where they were commanded.
        """
        if followed <= self._bridged:
            return before
        velocities = tuple(v * goes_on for v, goes_on in zip(before.velocities, self._follows, strict=True))
        accelerations = tuple(
            a * goes_on for a, goes_on in zip(before.accelerations, self._follows, strict=True)
        )
        return Before(before.positions, velocities, accelerations)

    def uncertified(self, sent: Sequence[Sent]) -> list[Found]:
        """Messages that belong to no certificate."""
        return [
            (What.COMMAND_UNCERTIFIED, entry.topic, "each message has a certificate", "one has none")
            for entry in sent
        ]

    def check(self, certificate: Certificate, sent: Sequence[Sent], bounds: Bounds) -> list[Found]:
        """The messages of one tick against its certificate; `bounds` are the limits in force."""
        found: list[Found] = []
        wanted = len(self._outputs) if certificate.positions and not certificate.shadow else 0
        if certificate.commands != wanted:
            found.append(
                (
                    What.COMMAND_MISSING,
                    "",
                    f"{wanted} commands leave at such a tick",
                    f"{certificate.commands} stated",
                )
            )
        seen: list[str] = []
        for entry in sent:
            if entry.topic in seen or not certificate.positions or certificate.shadow:
                found += self.uncertified([entry])
                continue
            seen.append(entry.topic)
            found += self._check_values(certificate, entry, bounds)
        if certificate.commands:
            lacking = [topic for topic in self._outputs if topic not in seen]
            found += [
                (What.COMMAND_MISSING, topic, "a message was certified", "none left") for topic in lacking
            ]
        return found

    def _check_values(self, certificate: Certificate, entry: Sent, bounds: Bounds) -> list[Found]:
        output, places = self._outputs[entry.topic], self._places[entry.topic]
        found: list[Found] = []
        if entry.joints and entry.joints != output.joints:
            found.append(
                (
                    What.COMMAND_VALUE,
                    entry.topic,
                    f"its joints are {', '.join(output.joints)}",
                    ", ".join(entry.joints),
                )
            )
        for what, values, stated in (
            ("positions", entry.positions, certificate.positions),
            ("velocities", entry.velocities, certificate.velocities),
        ):
            right = tuple(stated[place] for place in places)
            if values == right or (what == "velocities" and not (values or entry.later)):
                continue
            if what == "velocities" and not entry.later and max(map(abs, right)) <= REST:
                continue  # a plan of one point is at rest by its own word
            found.append(
                (
                    What.COMMAND_VALUE,
                    f"{entry.topic} {what}",
                    f"{_words(right)} was certified",
                    _words(values),
                )
            )
        return found + (self._check_plan(entry, places, bounds) if entry.later else [])

    def _check_plan(self, entry: Sent, places: list[int], bounds: Bounds) -> list[Found]:
        """The rest of a trajectory: inside the position and velocity limits, and at rest at its end."""
        names = self._outputs[entry.topic].joints
        limits = [bounds.joints[place] for place in places]
        if any(
            len(row) != len(names) for point in entry.later for row in (point.positions, point.velocities)
        ):
            return [
                (
                    What.PLAN,
                    entry.topic,
                    f"points have {len(names)} positions and velocities",
                    "another number",
                )
            ]
        last = entry.later[-1]
        if not all(abs(velocity) <= REST for velocity in last.velocities):
            return [(What.PLAN, entry.topic, "a plan ends at rest", _words(last.velocities))]
        for point in entry.later:
            for name, limit, q, v in zip(names, limits, point.positions, point.velocities, strict=True):
                if (
                    not limit.lower - ROUNDING <= q <= limit.upper + ROUNDING
                    or not abs(v) <= limit.velocity + ROUNDING
                ):
                    return [
                        (
                            What.PLAN,
                            f"{entry.topic} {name}",
                            "a plan keeps the limits",
                            f"{q:.6g} rad, {v:.6g} rad/s",
                        )
                    ]
        return []


def _words(values: Sequence[float]) -> str:
    return " ".join(f"{value:.9g}" for value in values)
