"""The weakest that a deployment may be: a committed file of its own, which a node compares itself with before it starts.

A contract is edited when a robot is set up; its baseline only on purpose, in review. Ours; docs/adr/0023.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from qgf_ros.contract.schema import JointLimits, OutputKind, ToolLimits
from qgf_ros.control import weaker
from qgf_ros.control.deployed import Deployed
from qgf_ros.control.first_motion import FirstMotion
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.errors import WeakerThanBaselineError

DIGITS = 12  # of a sha256, as people compare them


class Safeguard(Enum):
    """What a contract or a parameter can leave out."""

    TOOL = "tool"  # bounds of the commanded tool: the contract's deployment.tool
    LOOK_AHEAD = "look_ahead"  # chunks are rolled forward in a scene first: deployment.scene
    SPEED_SCALING = "speed_scaling"  # the controller's own speed is followed: deployment.speed_scaling
    SEEN = "seen"  # poses seen in the data are known: the parameter `seen`
    BLACK_BOX = "black_box"  # a latched stop is recorded: the parameter `black_box`


@dataclass(frozen=True)
class Baseline:
    """The weakest that is allowed; also what a deployment amounts to, by `of`.

    Limits are the largest, `command_rate_hz` the least; ages are in s, by input; `outputs` are kinds by joint. `first_motion`,
    `full_speed_confirmed` (when the node is configured) and `lockstep` are the parameters. `workspace` is the action's box, m;
    `scene` the sha256 of the one that was reviewed, `speed_scaling` the topic; None: whatever comes is allowed.
    """

    joints: dict[str, JointLimits]
    outputs: dict[str, OutputKind]
    max_age_s: dict[str, float]
    chunk_max_age_s: float
    resume_within_s: float
    command_rate_hz: float
    first_motion: FirstMotion
    full_speed_confirmed: bool
    lockstep: bool
    required: tuple[Safeguard, ...]
    workspace: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None
    tool: ToolLimits | None = None
    scene: str | None = None
    speed_scaling: str | None = None

    @classmethod
    def of(cls, deployed: Deployed, limits: LimitsInForce) -> Baseline:
        """What a deployment amounts to under these limits. Raises as `Deployed.scene_digest`."""
        contract, config = deployed.contract, deployed.config
        deployment = contract.deployment
        stated = {
            Safeguard.TOOL: limits.tool,
            Safeguard.LOOK_AHEAD: deployment.scene,
            Safeguard.SPEED_SCALING: deployment.speed_scaling,
            Safeguard.SEEN: deployed.seen,
            Safeguard.BLACK_BOX: deployed.black_box,
        }
        return cls(
            joints=limits.joints,
            outputs={joint: output.kind for output in deployment.outputs for joint in output.joints},
            max_age_s={name: topic.max_age_s for name, topic in deployment.inputs.items()},
            chunk_max_age_s=config.chunk_max_age_s,
            resume_within_s=config.resume_within_s,
            command_rate_hz=deployment.command_rate_hz,
            first_motion=config.first_motion,
            full_speed_confirmed=config.full_speed_confirmed,
            lockstep=deployed.is_lockstep,
            required=tuple(safeguard for safeguard, value in stated.items() if value is not None),
            workspace=contract.interface.action.workspace,
            tool=limits.tool,
            scene=deployed.scene_digest,
            speed_scaling=deployment.speed_scaling,
        )

    def weaker(self, allowed: Baseline, why: Mapping[Safeguard, str] | None = None) -> list[str]:
        """Where this is weaker than `allowed`, one clause each; empty where it is nowhere. `why` a safeguard is off, in words."""
        known = why or {}
        return [
            *weaker.joints(self.joints, allowed.joints),
            *weaker.outputs(self.outputs, allowed.outputs),
            *weaker.tool(self.tool, allowed.tool),
            *weaker.box("workspace of actions", self.workspace, allowed.workspace),
            *weaker.ages(self.max_age_s, allowed.max_age_s),
            *weaker.parameters(
                {"chunk_max_age_s": self.chunk_max_age_s, "resume_within_s": self.resume_within_s},
                {"chunk_max_age_s": allowed.chunk_max_age_s, "resume_within_s": allowed.resume_within_s},
            ),
            *weaker.switches(
                {"full_speed_confirmed": self.full_speed_confirmed, "lockstep": self.lockstep},
                {"full_speed_confirmed": allowed.full_speed_confirmed, "lockstep": allowed.lockstep},
            ),
            *weaker.rate(self.command_rate_hz, allowed.command_rate_hz),
            *weaker.first_motion(self.first_motion, allowed.first_motion),
            *weaker.other("scene's sha256", self.scene, allowed.scene, DIGITS),
            *weaker.other("topic of speed_scaling", self.speed_scaling, allowed.speed_scaling),
            *(
                f"'{entry.value}' is off, and required" + (f" ({known[entry]})" if entry in known else "")
                for entry in allowed.required
                if entry not in self.required
            ),
        ]

    def check(self, allowed: Baseline, path: Path, why: Mapping[Safeguard, str] | None = None) -> None:
        """Returns where this is nowhere weaker than the baseline `allowed`, read from `path`; `why` as for `weaker`.

        Raises:
            WeakerThanBaselineError: every place where it is.
        """
        if found := self.weaker(allowed, why):
            raise WeakerThanBaselineError(path, found)


def check_deployed(deployed: Deployed, limits: LimitsInForce, allowed: Baseline, path: Path) -> None:
    """Returns where a deployment is nowhere weaker than the baseline `allowed` of `path`. Raises WeakerThanBaselineError."""
    Baseline.of(deployed, limits).check(allowed, path, {Safeguard.SEEN: deployed.seen_words})
