"""The weakest that a deployment may be: a committed file of its own, which a node compares itself with before it starts.

A contract is edited when a robot is set up; its baseline only on purpose, in review. Ours; docs/adr/0023.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from qgf_ros.contract.schema import Contract, JointLimits, ToolLimits
from qgf_ros.control.limits_in_force import CEILINGS, UNITS, LimitsInForce
from qgf_ros.errors import (
    CannotWriteError,
    MissingBaselineError,
    MissingShareError,
    WeakerThanBaselineError,
)
from qgf_ros.share import share_path
from qgf_ros.strict import build, read_yaml

FOLDER = "baselines"
_HEADING = """\
# The weakest that a deployment of the interface '{name}' may be; the command node refuses to start with less.
# Change it on purpose only, and let a second person read the change: docs/safety.md.
"""


class Safeguard(Enum):
    """What a contract or a parameter can leave out."""

    TOOL = "tool"  # bounds of the commanded tool: the contract's deployment.tool
    LOOK_AHEAD = "look_ahead"  # chunks are rolled forward in a scene first: deployment.scene
    SPEED_SCALING = "speed_scaling"  # the controller's own speed is followed: deployment.speed_scaling
    SEEN = "seen"  # poses seen in the data are known: the parameter `seen`
    BLACK_BOX = "black_box"  # a latched stop is recorded: the parameter `black_box`


@dataclass(frozen=True)
class Baseline:
    """Largest limits, and ages in s by input; safeguards that must be there. Also what a deployment amounts to, by `of`."""

    joints: dict[str, JointLimits]
    max_age_s: dict[str, float]
    chunk_max_age_s: float
    resume_within_s: float
    tool: ToolLimits | None = None
    required: tuple[Safeguard, ...] = field(default=())

    @classmethod
    def of(
        cls,
        contract: Contract,
        limits: LimitsInForce,
        chunk_max_age_s: float,
        resume_within_s: float,
        by_parameters: Iterable[Safeguard],
    ) -> Baseline:
        """What a deployment amounts to; `by_parameters` are the safeguards that the node's parameters switch on."""
        deployment = contract.deployment
        stated = {
            Safeguard.TOOL: limits.tool,
            Safeguard.LOOK_AHEAD: deployment.scene,
            Safeguard.SPEED_SCALING: deployment.speed_scaling,
        }
        by_contract = [safeguard for safeguard, value in stated.items() if value is not None]
        ages = {name: topic.max_age_s for name, topic in deployment.inputs.items()}
        on = {*by_contract, *by_parameters}
        return cls(
            limits.joints,
            ages,
            chunk_max_age_s,
            resume_within_s,
            limits.tool,
            tuple(safeguard for safeguard in Safeguard if safeguard in on),
        )

    def weaker(self, allowed: Baseline) -> list[str]:
        """Where this is weaker than `allowed`, one clause each; empty where it is nowhere."""
        return [
            *_weaker_joints(self.joints, allowed.joints),
            *_weaker_tool(self.tool, allowed.tool),
            *_older("the oldest input", self.max_age_s, allowed.max_age_s),
            *_older(
                "the parameter",
                {"chunk_max_age_s": self.chunk_max_age_s, "resume_within_s": self.resume_within_s},
                {"chunk_max_age_s": allowed.chunk_max_age_s, "resume_within_s": allowed.resume_within_s},
            ),
            *(
                f"'{entry.value}' is off, and required"
                for entry in allowed.required
                if entry not in self.required
            ),
        ]

    def check(self, allowed: Baseline, path: Path) -> None:
        """Returns where this is nowhere weaker than the baseline `allowed`, read from `path`.

        Raises:
            WeakerThanBaselineError: every place where it is.
        """
        if found := self.weaker(allowed):
            raise WeakerThanBaselineError(path, found)


def load_baseline(path: Path) -> Baseline:
    """The baseline in a YAML file.

    Raises:
        MissingFileError, UnreadableFileError, UnknownKeys, InvalidSetting: as in `qgf_ros.strict`.
    """
    return build(Baseline, read_yaml(path), path.name)


def find_baseline(contract: Contract) -> Path:
    """The file `baselines/INTERFACE.yaml` beside the contract, beside its folder, or among those of the package.

    Raises:
        MissingBaselineError: it is in none of these places, or the interface's name is no name of a file.
    """
    places = [contract.path.parent / FOLDER, contract.path.parent.parent / FOLDER]
    with contextlib.suppress(MissingShareError):  # installed without files: the contract's own places remain
        places.append(share_path(f"config/{FOLDER}"))
    name = contract.interface.name
    for place in places if re.fullmatch(r"\w[\w.-]*", name) else []:
        if (place / f"{name}.yaml").is_file():
            return place / f"{name}.yaml"
    raise MissingBaselineError(name, contract.path, places)


def own_place(contract: Contract) -> Path:
    """Where the baseline of a contract is written: beside the folder `contracts`, or beside the contract elsewhere."""
    folder = contract.path.parent
    place = folder.parent if folder.name == "contracts" else folder
    return place / FOLDER / f"{Path(contract.interface.name).name}.yaml"


def write_baseline(baseline: Baseline, name: str, path: Path) -> None:
    """Writes a baseline of the interface `name`, over an older one. Raises CannotWriteError."""
    content: dict[str, Any] = asdict(baseline)
    content["required"] = [entry.value for entry in baseline.required]
    if baseline.tool is not None:
        content["tool"]["box"] = [list(corner) for corner in baseline.tool.box]
    else:
        del content["tool"]
    text = yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=200)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_HEADING.format(name=name) + text)
    except OSError as error:
        raise CannotWriteError(path, error) from error


def _weaker_joints(ours: dict[str, JointLimits], allowed: dict[str, JointLimits]) -> list[str]:
    found = []
    for name, limits in ours.items():
        if name not in allowed:
            found.append(f"'{name}' stands in no baseline")
            continue
        bound = allowed[name]
        if limits.lower < bound.lower or limits.upper > bound.upper:
            found.append(
                f"'{name}' may go from {limits.lower:g} to {limits.upper:g} rad, {bound.lower:g} to {bound.upper:g} are allowed"
            )
        for kind in CEILINGS:
            value, largest = vars(limits)[kind], vars(bound)[kind]
            if value > largest:
                unit = UNITS.get(kind, "rad")
                found.append(f"{kind} of '{name}' is {value:g} {unit}, {largest:g} is allowed")
    return found


def _weaker_tool(ours: ToolLimits | None, allowed: ToolLimits | None) -> list[str]:
    if allowed is None:
        return []
    if ours is None:
        return ["the tool is not limited"]
    found = []
    if ours.speed > allowed.speed:
        found.append(f"the tool's speed is {ours.speed:g} m/s, {allowed.speed:g} is allowed")
    for axis, low, high, lowest, highest in zip("xyz", *ours.box, *allowed.box, strict=True):
        if low < lowest or high > highest:
            found.append(
                f"the tool's box is {low:g} to {high:g} m along {axis}, {lowest:g} to {highest:g} is allowed"
            )
    return found


def _older(what: str, ours: dict[str, float], allowed: dict[str, float]) -> list[str]:
    return [
        f"{what} {name} may be {age:g} s, {allowed.get(name, math.nan):g} is allowed"
        for name, age in ours.items()
        if not age <= allowed.get(name, math.nan)
    ]
