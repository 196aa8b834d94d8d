"""Whether what left on the command topics is what the certificate says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qgf_ros.certificate import Certificate
from qgf_ros.contract.schema import Contract, OutputKind
from qgf_ros.verify.bounds import Bounds
from qgf_ros.verify.motion import Before, Found
from qgf_ros.verify.plan import Plan, Point, check_plan, is_resting
from qgf_ros.verify.violation import What

ON_TOPICS = (OutputKind.GROUP, OutputKind.TRAJECTORY)


@dataclass(frozen=True)
class Sent:
    """A message on an output, by the topic's name in the contract: positions in the order of the output's joints.

    A trajectory has velocities too, the names it gives its joints, the time of its first point, ns, the points that follow,
    and a stamp, ns. What is told by a process of its own commands may be without: `time_ns` is None then.
    """

    topic: str
    positions: tuple[float, ...]
    velocities: tuple[float, ...] = ()
    joints: tuple[str, ...] = ()
    time_ns: int | None = None
    later: tuple[Point, ...] = ()
    stamp_ns: int = 0

    @property
    def points(self) -> tuple[Point, ...]:
        """All points of a trajectory."""
        return (Point(self.positions, self.velocities, self.time_ns or 0), *self.later)


class SentCheck:
    """Knows the contract's outputs. Keeps nothing."""

    def __init__(self, contract: Contract) -> None:
        joints, outputs = contract.interface.joints, contract.deployment.outputs
        self._tick_ns, self._tick_s = contract.tick_ns, contract.tick_ns * 1e-9
        self._outputs = {entry.topic: entry for entry in outputs if entry.kind in ON_TOPICS}
        self._places = {entry.topic: [joints.index(joint) for joint in entry.joints] for entry in outputs}
        follows = {joint for entry in outputs if entry.kind.ends_at_rest for joint in entry.joints}
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

    def plans(self, sent: Sequence[Sent]) -> list[Plan]:
        """The trajectories among the messages of one tick."""
        return [
            Plan(tuple(self._places[entry.topic]), entry.points)
            for entry in sent
            if entry.time_ns is not None
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
        is_point = entry.time_ns is not None and not entry.later
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
            if values == right or (what == "velocities" and entry.time_ns is None and not values):
                continue
            if what == "velocities" and is_point and self._rests(values, right, places, bounds):
                continue  # a plan of one point is at rest by its own word
            found.append(
                (
                    What.COMMAND_VALUE,
                    f"{entry.topic} {what}",
                    f"{_words(right)} was certified",
                    _words(values),
                )
            )
        return (
            found if entry.time_ns is None else found + self._check_plan(certificate, entry, places, bounds)
        )

    def _rests(
        self, values: tuple[float, ...], right: tuple[float, ...], places: list[int], bounds: Bounds
    ) -> bool:
        """Whether velocities of zero were sent where those certified, `right`, are next to rest."""
        limits = [bounds.joints[place] for place in places]
        return values == (0.0,) * len(right) and all(map(is_resting, right, limits))

    def _check_plan(
        self, certificate: Certificate, entry: Sent, places: list[int], bounds: Bounds
    ) -> list[Found]:
        """The whole of a trajectory: begun when it comes, and what `check_plan` asks for."""
        if entry.stamp_ns:
            return [(What.PLAN, entry.topic, "it begins when it comes: stamp 0", f"{entry.stamp_ns} ns")]
        limits = [bounds.joints[place] for place in places]
        accelerations = [certificate.accelerations[place] for place in places]
        names = self._outputs[entry.topic].joints
        return check_plan(entry.topic, names, entry.points, accelerations, limits, self._tick_ns)


def _words(values: Sequence[float]) -> str:
    return " ".join(f"{value:.9g}" for value in values)
