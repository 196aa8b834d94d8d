"""`qgf limits CONTRACT`: the limits of a contract, and whether they are weaker than its committed baseline."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

HELP = "print the limits of a contract and compare them with its committed baseline"
EXAMPLE = "qgf limits my_arm/contract.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument("contract", type=Path, help="contract YAML")
    parser.add_argument(
        "--baseline",
        type=Path,
        help="baseline YAML (default: baselines/INTERFACE.yaml beside the contract or its folder, or qgf_ros's own)",
    )
    parser.add_argument(
        "--write-baseline",
        action="store_true",
        help="make these limits the baseline, over an older one; what becomes weaker is listed",
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Prints the table and the comparison; `exit_code` is 1 where something is weaker than the baseline."""
    from qgf_ros.contract.load import load_contract
    from qgf_ros.control.baseline import (
        Baseline,
        Safeguard,
        find_baseline,
        load_baseline,
        own_place,
        write_baseline,
    )
    from qgf_ros.control.limits_in_force import LimitsInForce
    from qgf_ros.control.session import SessionConfig

    contract, config = load_contract(arguments.contract), SessionConfig()
    limits = LimitsInForce.of(contract)
    ours = Baseline.of(
        contract, limits, config.chunk_max_age_s, config.resume_within_s, [Safeguard.BLACK_BOX]
    )
    for line in limits.lines():
        print(line)
    print(f"safeguards  {', '.join(entry.value for entry in ours.required)}")
    figures: dict[str, Any] = {
        "digest": limits.digest,
        "limits": limits.values(),
        "safeguards": [entry.value for entry in ours.required],
    }
    if arguments.write_baseline:
        path = arguments.baseline or own_place(contract)
        weaker = ours.weaker(load_baseline(path)) if path.is_file() else []
        write_baseline(ours, contract.interface.name, path)
        for clause in weaker:
            print(f"now allowed: {clause}")
        print(f"baseline written: {path}")
        return figures | {"baseline": str(path), "weaker": weaker}
    path = arguments.baseline or find_baseline(contract)
    weaker = ours.weaker(load_baseline(path))
    for clause in weaker:
        print(f"weaker: {clause}")
    print(f"{'weaker than' if weaker else 'no weaker than'} the baseline {path}")
    return figures | {"baseline": str(path), "weaker": weaker, "exit_code": int(bool(weaker))}
