"""What the command node prepares at configure: contract, data seen, limits, baseline; each is refused in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.control.baseline import Baseline, Safeguard, find_baseline, load_baseline
from qgf_ros.control.first_motion import FirstMotion
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.control.session import SessionConfig
from qgf_ros.nodes.params import Value
from qgf_ros.nodes.robot_limits import RobotLimits
from qgf_ros.seen import Seen, load_seen


@dataclass(frozen=True)
class CommandSetup:
    """Made at configure; `limits` changes later. `baseline`: the file that was compared with."""

    contract: Contract
    config: SessionConfig
    seen: Seen | None
    limits: RobotLimits
    baseline: Path
    black_box: Path | None
    is_lockstep: bool

    def lines(self) -> list[str]:
        """What people read when the node starts: every limit in force and where it comes from."""
        wanted = self.limits.wanted
        sources = f"{self.limits.said}; no weaker than the baseline {self.baseline}"
        return [f"Limits in force ({wanted.digest}):", *wanted.lines(), sources, self.limits.speed_words]


def prepare(values: Mapping[str, Value], description: str) -> CommandSetup:
    """Reads all that the parameters name. `description`: the robot's, where it has come, else empty.

    Raises:
        QgfError: a file cannot be read or does not fit; the description cannot be used; the contract's own limits, or the
            checks, are weaker than the baseline.
    """
    contract = load_contract(str(values["contract"]))
    limits = RobotLimits(contract, bool(values["full_speed_confirmed"]))
    if description:
        limits.describe(description)
    seen = read_seen(str(values["seen"]))
    config = SessionConfig(
        float(str(values["chunk_max_age_s"])),
        float(str(values["resume_within_s"])),
        FirstMotion(values["first_motion"]),
        limits.is_confirmed,
        bool(values["shadow"]),
    )
    black_box = Path(str(values["black_box"])) if values["black_box"] else None
    by_parameters = {Safeguard.SEEN: seen, Safeguard.BLACK_BOX: black_box}
    found = Baseline.of(
        contract,
        LimitsInForce.of(contract),  # untightened: a description may say something else later
        config.chunk_max_age_s,
        config.resume_within_s,
        [safeguard for safeguard, value in by_parameters.items() if value is not None],
    )
    path = Path(str(values["baseline"])) if values["baseline"] else find_baseline(contract)
    found.check(load_baseline(path), path)
    return CommandSetup(contract, config, seen, limits, path, black_box, bool(values["lockstep"]))


def read_seen(checkpoint: str) -> Seen | None:
    """What a checkpoint's folder says of its data; None where there is none, or the policy is one exported file."""
    if not checkpoint or Path(checkpoint).is_file():
        return None
    return load_seen(Path(checkpoint))
