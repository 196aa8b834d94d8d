"""Fills in each tick's certificate: the exact values, their margins to the limits in force, and where they came from. No clock, no ROS."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import ruckig

from qgf_ros.certificate import Certificate, chunk_digest
from qgf_ros.contract.schema import Contract
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.control.quick_kinematics import QuickKinematics
from qgf_ros.control.session import Tick
from qgf_ros.control.unattended import places_that_go_on
from qgf_ros.datatypes import ActionChunk, JointCommand

OURS = ("position", "velocity", "acceleration", "jerk", "stop")  # checks: each has a margin
KEPT_CHUNKS = 8

Vector = tuple[float, ...]


class Certifier:
    """State: how many certificates there were, the last command, and the chunks that were taken. One thread."""

    def __init__(
        self,
        contract: Contract,
        kinematics: Kinematics | None,
        limits: LimitsInForce,
        checks: Iterable[str] = (),
        check_s: float = 0.0,
        looks_ahead: bool = False,
    ) -> None:
        """`contract` as it was loaded, `limits` those in force now, `checks` what else always runs, by name.

        `check_s` is what a chunk's check takes, s: stated in each certificate, for the policy's deadline. `looks_ahead`: chunks
        were rolled forward in a scene before they were taken.
        """
        joints = contract.interface.joints
        self._contract, self._digest, self._tick_s = contract, contract.digest, contract.tick_ns * 1e-9
        self._tool = None if kinematics is None else QuickKinematics(kinematics)
        self._places = [] if kinematics is None else [joints.index(name) for name in kinematics.joints]
        self._chunks: dict[int, str] = {}
        follows = places_that_go_on(contract)
        self._follows = [place in follows for place in range(len(joints))]
        self._others, self._check_s, self._looks_ahead = tuple(checks), check_s, looks_ahead
        self._last: JointCommand | None = None
        self._count = 0
        self.take_limits(limits)

    def take_limits(self, limits: LimitsInForce) -> None:
        """Other limits are in force from the next tick on; the arm is at rest."""
        joints = self._contract.interface.joints
        self._limits, self._limits_digest = limits, limits.digest
        self._each = [limits.joints[joint] for joint in joints]
        self._stop = ruckig.InputParameter(len(joints))
        self._stop.control_interface = ruckig.ControlInterface.Velocity
        self._stop.synchronization = ruckig.Synchronization.No
        self._stop.max_acceleration = [entry.acceleration for entry in self._each]
        self._stop.max_jerk = [entry.jerk for entry in self._each]
        self._stop.target_velocity = self._stop.target_acceleration = [0.0] * len(joints)
        self._planner, self._plan = ruckig.Ruckig(len(joints)), ruckig.Trajectory(len(joints))
        has_tool = self._tool is not None and limits.tool is not None
        self._checks = (*OURS, *(("tool_box", "tool_speed") if has_tool else ()))

    def take_chunk(self, chunk: ActionChunk) -> None:
        """A chunk was taken by the session: its digest stands in the certificates of the ticks that play it."""
        self._chunks[chunk.stamp_ns] = chunk_digest(chunk)
        if len(self._chunks) > KEPT_CHUNKS:
            del self._chunks[next(iter(self._chunks))]

    def certificate(
        self,
        tick: Tick,
        ages_s: Sequence[float],
        sent: int,
        missed: int = 0,
        followed: int = 0,
        shadow: bool = False,
    ) -> Certificate:
        """The certificate of a tick: `ages_s` (J,) of the joint states used (inf: none came), `sent` messages, `missed` ticks in all.

        `followed`: how many of them were just before this tick. Called once a tick, in order, after the command has left; also
        for an announcement, whose tick bears the last command.
        """
        self._count += 1
        command, chunks = tick.command, self._contract.deployment.chunks
        origin = {
            "sequence": self._count,
            "commands": sent,
            "rung": tick.rung.value,
            "reason": tick.reason,
            "refused": tick.refused,
            "in_command": tick.in_command.value,
            "wants_chunk": tick.wanted_from_ns > 0,
            "wanted_from_ns": tick.wanted_from_ns,
            "horizon": self._contract.execution_horizon,
            "delay": chunks.delay,
            "check_s": self._check_s,
            "missed": missed,
            "clock_leaps": tick.clock_leaps,
            "followed": followed,
            "checks": (*self._checks, *tick.checks, *self._others, *self._of_chunk(command)),
            "joint_ages_s": tuple(map(float, ages_s)),
            "limits": self._limits_digest,
            "contract": self._digest,
            "shadow": shadow,
        }
        if command is None:
            self._last = None
            return Certificate(**origin, findings=tuple(map(str, tick.findings)))  # type: ignore[arg-type]
        return Certificate(**origin, **self._of_command(command, followed))  # type: ignore[arg-type]

    def _of_chunk(self, command: JointCommand | None) -> tuple[str, ...]:
        """Checks that the chunk in play went through, if one is in play."""
        has_chunk = command is not None and command.chunk_stamp_ns != 0
        return ("look_ahead",) if self._looks_ahead and has_chunk else ()

    def _of_command(self, command: JointCommand, followed: int) -> dict[str, object]:
        q, v, a = command.positions.tolist(), command.velocities.tolist(), command.accelerations.tolist()
        seam = command.seam
        found: dict[str, object] = {
            "tick": command.tick,
            "chunk_stamp_ns": command.chunk_stamp_ns,
            "begun": command.begun,
            "actions_left": command.actions_left,
            "clipped": command.clipped,
            "seam": () if seam is None else (seam.position, seam.velocity, seam.acceleration),
            "speed": command.speed,
            "findings": tuple(map(str, command.findings)),
            "positions": tuple(q),
            "velocities": tuple(v),
            "accelerations": tuple(a),
            "margin_jerk": self._jerk_margins(command, a, followed),
            "margin_stop": self._stop_margins(q, v, a),
            "margin_position": tuple(
                min(x - e.lower, e.upper - x) for x, e in zip(q, self._each, strict=True)
            ),
            "margin_velocity": tuple(e.velocity - abs(x) for x, e in zip(v, self._each, strict=True)),
            "margin_acceleration": tuple(e.acceleration - abs(x) for x, e in zip(a, self._each, strict=True)),
            "chunk": self._chunks.get(command.chunk_stamp_ns, ""),
            "checkpoint": command.source,
        }
        if self._tool is not None:
            arm = self._places
            place, speed = self._tool.tool_motion(command.positions[arm], command.velocities[arm])
            found["tool"] = tool = (*place.tolist(), speed)
            found["margin_tool"] = self._tool_margins(tool)
        self._last = command
        return found

    def _jerk_margins(self, command: JointCommand, accelerations: list[float], followed: int) -> Vector:
        """By the mean jerk since the last command; what begins anew begins at rest: all, or after a stall joints that were held."""
        last = self._last
        if last is None or command.tick < last.tick or command.tick <= 1:
            before = [0.0] * len(accelerations)
        else:
            before = last.accelerations.tolist()
        if followed > self._contract.ticks_per_action:
            before = [then * follows for then, follows in zip(before, self._follows, strict=True)]
        T = self._tick_s
        return tuple(
            limits.jerk - abs(now - then) / (T * (1 + followed * follows))
            for limits, now, then, follows in zip(
                self._each, accelerations, before, self._follows, strict=True
            )
        )

    def _stop_margins(self, q: list[float], v: list[float], a: list[float]) -> Vector:
        """The least distance to a position limit on the shortest limited stop; -inf where there is no plan of one."""
        self._stop.current_position, self._stop.current_velocity, self._stop.current_acceleration = q, v, a
        try:
            self._planner.calculate(self._stop, self._plan)
        except ruckig.RuckigError:
            return (-math.inf,) * len(q)
        return tuple(
            min(min(way) - limits.lower, limits.upper - max(way))
            for way, limits in zip(map(_extremes, self._plan.profiles[0], q), self._each, strict=True)
        )

    def _tool_margins(self, tool: Vector) -> Vector:
        bounds = self._limits.tool
        if bounds is None:
            return ()
        box = min(min(x - low, high - x) for x, low, high in zip(tool[:3], *bounds.box, strict=True))
        return box, bounds.speed - tool[3]


def _extremes(profile: ruckig.Profile, start: float) -> list[float]:
    """Positions of a planned stop among which are its least and its largest: where phases meet, and where it turns within one.

    Ruckig's own `position_extrema` counts 0, its target position, among them, which in velocity control means nothing.
    """
    positions, velocities, accelerations = profile.p, profile.v, profile.a
    found = [start, positions[0], positions[-1]]
    for phase in range(len(profile.t)):
        p, v, a, jerk = positions[phase], velocities[phase], accelerations[phase], profile.j[phase]
        if v * velocities[phase + 1] < 0.0:
            root = math.sqrt(max(a * a - 2 * jerk * v, 0.0))
            times = ((-a + root) / jerk, (-a - root) / jerk) if jerk else (-v / a,)
            t = min((time for time in times if time >= 0.0), default=0.0)
            found += [p, p + v * t + a * t * t / 2 + jerk * t**3 / 6]
    return found
