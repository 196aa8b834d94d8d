"""`qgf limits CONTRACT`: the limits and watches of a contract, and whether they are weaker than its committed baseline."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

HELP = "print the limits of a contract and compare them with its committed baseline"
EXAMPLE = "qgf limits my_arm/contract.yaml --seen my_arm/checkpoint"
BLACK_BOX = Path("out/black_box")  # the command node's default


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments; those that name a parameter of the command node have its default."""
    parser.add_argument("contract", type=Path, help="contract YAML")
    parser.add_argument(
        "--baseline",
        type=Path,
        help="baseline YAML (default: baselines/CONTRACT.yaml beside the contract or its folder, or qgf_ros's own)",
    )
    parser.add_argument(
        "--write-baseline",
        action="store_true",
        help="make these limits and watches the baseline, over an older one; what becomes weaker is listed",
    )
    parser.add_argument(
        "--seen", default="", help="the command node's parameter: folder of the checkpoint (launch gives it)"
    )
    parser.add_argument(
        "--first-motion", choices=("slow", "refuse"), default="slow", help="the command node's parameter"
    )
    parser.add_argument(
        "--lockstep", action="store_true", help="the command node's parameter, for simulation"
    )
    parser.add_argument(
        "--full-speed-confirmed",
        action="store_true",
        help="the command node's parameter, true when it is configured",
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Prints the table and the comparison; `exit_code` is 1 where something is weaker than the baseline."""
    from qgf_ros.contract.load import load_contract
    from qgf_ros.control.baseline import Baseline, Safeguard
    from qgf_ros.control.baseline_file import find_baseline, load_baseline, own_place, write_baseline
    from qgf_ros.control.deployed import Deployed
    from qgf_ros.control.first_motion import FirstMotion
    from qgf_ros.control.limits_in_force import LimitsInForce
    from qgf_ros.control.look_ahead import look_ahead_of
    from qgf_ros.control.safeguard_table import table
    from qgf_ros.control.session import SessionConfig
    from qgf_ros.seen import read_seen

    contract, (seen, seen_words) = load_contract(arguments.contract), read_seen(arguments.seen)
    config = SessionConfig(
        first_motion=FirstMotion(arguments.first_motion), full_speed_confirmed=arguments.full_speed_confirmed
    )
    deployed = Deployed(contract, config, seen, seen_words, BLACK_BOX, arguments.lockstep)
    limits = LimitsInForce.of(contract)
    look_ahead_of(contract)  # refuses a scene that is not this arm's
    ours, why = Baseline.of(deployed, limits), {Safeguard.SEEN: seen_words}
    speed = (
        "full, confirmed" if config.full_speed_confirmed else "at a first run a quarter of these velocities"
    )
    for line in table(deployed, limits, "not known without the robot; it only tightens", speed):
        print(line)
    figures: dict[str, Any] = {
        "digest": limits.digest,
        "limits": limits.values(),
        "safeguards": [entry.value for entry in ours.required],
    }
    if arguments.write_baseline:
        path = arguments.baseline or own_place(contract)
        weaker = ours.weaker(load_baseline(path), why) if path.is_file() else []
        write_baseline(ours, contract.path.stem, path)
        if off := [entry.value for entry in Safeguard if entry not in ours.required]:
            print(f"off here, so not required by it: {', '.join(off)}")
        for clause in weaker:
            print(f"now allowed: {clause}")
        print(f"baseline written: {path}")
        return figures | {"baseline": str(path), "weaker": weaker}
    path = arguments.baseline or find_baseline(contract)
    weaker = ours.weaker(load_baseline(path), why)
    for clause in weaker:
        print(f"weaker: {clause}")
    print(f"{'weaker than' if weaker else 'no weaker than'} the baseline {path}")
    return figures | {"baseline": str(path), "weaker": weaker, "exit_code": int(bool(weaker))}
