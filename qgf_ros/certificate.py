"""What stands beside each command: the exact values, the checks that ran, the margins, and where it came from.

The one description of a certificate's keys: `control/certify.py` fills it, the nodes carry its texts in a DiagnosticArray,
the policy node and the simulator read their part of it, and `verify/` reads all of it. Ours; docs/safety.md explains it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import numpy as np

from qgf_ros.datatypes import ActionChunk, Sender
from qgf_ros.errors import UnreadableCertificate

# fmt: off
REASONS = frozenset({
    "missing", "joint", "shape", "not_finite", "stale", "future", "frozen", "units", "away", "limits", "clock",
    "time_stopped", "second_publisher", "qos", "stalled", "teleop_silent", "timeout", "chunk_names", "chunk_shape",
    "chunk_not_finite", "chunk_speed", "chunk_bad_speed",
    "emergency", "tracking", "limiter", "exception", "first_run", "first_motion", "speed_scaling",
    "scale", "velocity", "position", "no_plan", "range", "workspace", "unreachable", "collision",
    "tool_speed", "tool_box", "tilted",
})
# fmt: on
"""Reason codes that a finding may bear; docs/safety.md says what each means."""

HOLDS = frozenset(
    {"not started", "stopped", "deactivated", "reset", "limits changed", "not_reset", "unsettled"}
)
"""Reasons of a hold beside those: nothing was wrong with the command. What follows a colon says more."""

REFUSALS = frozenset({
    f"chunk_{why}" for why in (
        "names", "shape", "bad_speed", "not_finite", "unwanted", "outdated", "stale", "future", "timing", "late", "repeated",
        "unreachable", "workspace", "collision", "not_running", "not_in_command",
    )
})  # fmt: skip
"""Reasons for which a chunk was not taken."""

CHECKS = ("position", "velocity", "acceleration", "jerk", "stop")
TOOL_CHECKS = ("tool_box", "tool_speed")
"""Names of the checks that run at every tick with a command, in every mode; the latter where the tool has bounds."""


@dataclass(frozen=True)
class Certificate:
    """One tick's certificate. Vectors (J,) are in the order of the contract's joints; units rad, s, m.

    `sequence` counts certificates since configure, `tick` commands since the last reset, `commands` messages sent at this
    tick. `rung`, `reason`, `refused`: as in a `Tick`. `in_command`: of whom chunks are asked, `policy` or `teleop`. `chunk_stamp_ns`, `begun`, `actions_left`, `wants_chunk`,
    `wanted_from_ns`, `horizon`, `delay`, `check_s` (what looking ahead takes before a chunk is played): what the policy node answers. `clipped`, `missed`, `seam`: as in a `JointCommand` and
    its pace. `clock_leaps`: how often the node's clock leapt, against a steady one, by more than clocks are set right by. `speed` of the path at this tick, `findings` of the checks as `verdict:reason:subject`, `checks` that ran
    for this tick: the limits' always, those of the session as they ran, `second_publisher`, `qos`, `emergency_stop` where they watch,
    `look_ahead` where the chunk in play went through it.

    `positions`, `velocities`, `accelerations`: the command; empty without one. `followed`: ticks that were missed before this
    one, along which controllers with a plan went on; where that is more than a control period, the joints of the others began at
    rest where they had been commanded last. `margin_position`, `margin_velocity`, `margin_acceleration`,
    `margin_jerk`: distance to the nearer limit in force, (J,); `margin_stop`: the least distance (J,) to a position limit on
    the way to rest if this were the last command. `tool`: x, y, z, speed m/s; `margin_tool`: to the box, to the speed; empty
    where the contract has no tool or no bounds. `joint_ages_s` (J,) at this tick. `limits`: digest of the limits in force,
    `contract`: the whole contract's digest; `chunk`: digest of the chunk in play (`chunk_digest`), `checkpoint`: what made it.
    `shadow`: nothing was sent, on purpose.
    """

    sequence: int = 0
    tick: int = 0
    commands: int = 0
    rung: str = ""
    reason: str = ""
    refused: str = ""
    in_command: str = Sender.POLICY.value
    chunk_stamp_ns: int = 0
    begun: int = 0
    actions_left: int = 0
    wants_chunk: bool = False
    wanted_from_ns: int = 0
    horizon: int = 0
    delay: int = 0
    check_s: float = 0.0
    clipped: int = 0
    missed: int = 0
    clock_leaps: int = 0
    seam: tuple[float, ...] = ()
    speed: float = 1.0
    findings: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    positions: tuple[float, ...] = ()
    velocities: tuple[float, ...] = ()
    accelerations: tuple[float, ...] = ()
    followed: int = 0
    margin_position: tuple[float, ...] = ()
    margin_velocity: tuple[float, ...] = ()
    margin_acceleration: tuple[float, ...] = ()
    margin_jerk: tuple[float, ...] = ()
    margin_stop: tuple[float, ...] = ()
    tool: tuple[float, ...] = ()
    margin_tool: tuple[float, ...] = ()
    joint_ages_s: tuple[float, ...] = ()
    limits: str = ""
    contract: str = ""
    chunk: str = ""
    checkpoint: str = ""
    shadow: bool = False

    def texts(self) -> dict[str, str]:
        """Every field as text: numbers as Python writes them, unrounded; vectors with blanks between."""
        return {name: _text(value) for name, value in vars(self).items()}

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> Certificate:
        """The certificate that was written as `texts`.

        Raises:
            UnreadableCertificate: a key is missing or unknown, or a value is not of its kind.
        """
        kinds = {field.name: str(field.type) for field in fields(cls)}
        if texts.keys() != kinds.keys():
            raise UnreadableCertificate(sorted(texts.keys() ^ kinds.keys()), "missing or unknown")
        values = {}
        for name, kind in kinds.items():
            try:
                values[name] = _READERS[kind](texts[name])
            except (ValueError, KeyError) as error:
                raise UnreadableCertificate([name], f"'{texts[name][:60]}' is no {kind}") from error
        return cls(**values)  # type: ignore[arg-type]


def chunk_digest(chunk: ActionChunk) -> str:
    """The first 12 hex digits of the sha256 of the names, NUL between, and the actions as little-endian doubles, row by row."""
    content = "\0".join(chunk.names).encode() + np.ascontiguousarray(chunk.actions, "<f8").tobytes()
    return hashlib.sha256(content).hexdigest()[:12]


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


_READERS: dict[str, Callable[[str], object]] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": {"true": True, "false": False}.__getitem__,
    "tuple[float, ...]": lambda text: tuple(map(float, text.split())),
    "tuple[str, ...]": lambda text: tuple(text.split()),
}
