"""What the command node prepares at configure: contract, data seen, limits, baseline; each is refused in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.control.baseline import check_deployed
from qgf_ros.control.baseline_file import find_baseline, load_baseline
from qgf_ros.control.deployed import Deployed
from qgf_ros.control.first_motion import FirstMotion
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.control.safeguard_table import table
from qgf_ros.control.session import SessionConfig
from qgf_ros.datatypes import Sender
from qgf_ros.nodes.params import Value
from qgf_ros.nodes.robot_limits import RobotLimits
from qgf_ros.seen import read_seen


@dataclass(frozen=True)
class CommandSetup:
    """Made at configure; `limits` changes later. `baseline`: the file that was compared with."""

    deployed: Deployed
    limits: RobotLimits
    baseline: Path

    @property
    def contract(self) -> Contract:
        """As it was loaded: `limits` may be tighter."""
        return self.deployed.contract

    def lines(self) -> list[str]:
        """What people read when the node starts: every limit in force, every watch that is on or off."""
        wanted = self.limits.wanted
        found = table(self.deployed, wanted, self.limits.said, self.limits.speed_words)
        return [
            f"Limits in force ({wanted.digest}), no weaker than the baseline {self.baseline}:",
            *found,
        ]


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
    config = SessionConfig(
        float(str(values["chunk_max_age_s"])),
        float(str(values["resume_within_s"])),
        FirstMotion(values["first_motion"]),
        limits.is_confirmed,
        bool(values["shadow"]),
        Sender(values["in_command"]),
    )
    seen, seen_words = read_seen(str(values["seen"]))
    black_box = Path(str(values["black_box"])) if values["black_box"] else None
    deployed = Deployed(contract, config, seen, seen_words, black_box, bool(values["lockstep"]))
    path = Path(str(values["baseline"])) if values["baseline"] else find_baseline(contract)
    untightened = LimitsInForce.of(contract)  # a description may say something else later
    check_deployed(deployed, untightened, load_baseline(path), path)
    return CommandSetup(deployed, limits, path)
