"""`qgf verify`: recomputes from a recording that every command was certified, and inside every limit."""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgf_ros.bags.reader import bag_files, read_facts
from qgf_ros.bags.writer import METADATA
from qgf_ros.errors import MissingFileError, NotVerifiableError

if TYPE_CHECKING:
    from qgf_ros.contract.schema import Contract
    from qgf_ros.verify.bag import Report

HELP = "recompute from a recording that every command was certified and inside every limit"
EXAMPLE = "qgf verify out/recordings/first_run --json out/verify.json"
SHOWN = 3  # violations of each kind on the screen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    parser.add_argument("bag", type=Path, metavar="BAG", help="folder of a recording, or of a black box")
    parser.add_argument(
        "--contract",
        type=Path,
        metavar="FILE",
        help="the contract that was in force (default: the one in the recording)",
    )
    parser.add_argument(
        "--chunk-max-age-s",
        type=float,
        default=0.5,
        metavar="S",
        help="the command node's parameter of that name (default 0.5)",
    )
    parser.add_argument(
        "--baseline",
        type=Path,
        metavar="FILE",
        help="baseline YAML: the contract may not be weaker (a recording may state a contract of its own)",
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Verifies, prints what was found; exit code 1 where anything does not hold, or is weaker than the baseline.

    Raises:
        NotVerifiableError: there is no recording, or nothing in it to verify.
        NoContractError: neither the recording nor the user names the contract.
        QgfError: the baseline cannot be read, as for `load_baseline`.
    """
    from qgf_ros.verify.bag import REAL_TIME, verify_bag
    from qgf_ros.verify.verifier import Allowance

    facts = _facts(arguments.bag)
    allowance = Allowance(arguments.chunk_max_age_s, REAL_TIME.reading_lag_s)
    with tempfile.TemporaryDirectory() as folder:
        contract = _contract(arguments.contract, facts, Path(folder))
        report = verify_bag(arguments.bag, contract, facts, allowance)
    _print(arguments.bag, contract, report)
    found = figures(contract, report)
    if arguments.baseline is None:
        return found
    weaker = _weaker(contract, arguments.baseline, arguments.chunk_max_age_s)
    for clause in weaker:
        print(f"weaker: {clause}")
    print(f"{'weaker than' if weaker else 'no weaker than'} the baseline {arguments.baseline}")
    return found | {"weaker": weaker, "exit_code": int(bool(weaker) or not report.holds)}


def figures(contract: Contract, report: Report) -> dict[str, Any]:
    """The report as plain values."""
    return {
        "holds": report.holds,
        "contract": contract.interface.name,
        "contract_digest": contract.digest,
        "ticks": report.ticks,
        "certificates": report.certificates,
        "commands": report.commands,
        "rungs": dict(report.rungs),
        "violations": report.counts.total(),
        "by_kind": dict(report.counts),
        "first": [
            {
                "what": entry.what.value,
                "stamp_ns": entry.stamp_ns,
                "sequence": entry.sequence,
                "subject": entry.subject,
                "expected": entry.expected,
                "found": entry.found,
            }
            for entry in report.violations
        ],
        "notes": report.notes,
        "exit_code": 0 if report.holds else 1,
    }


def _weaker(contract: Contract, path: Path, chunk_max_age_s: float) -> list[str]:
    """Where the contract is weaker than the baseline.

    What the node's parameters switched on, and the scene's content, no recording says: they count as the baseline has them.
    """
    from dataclasses import replace

    from qgf_ros.control.baseline import Baseline, Safeguard
    from qgf_ros.control.baseline_file import load_baseline
    from qgf_ros.control.deployed import Deployed
    from qgf_ros.control.limits_in_force import LimitsInForce
    from qgf_ros.control.session import SessionConfig

    allowed = load_baseline(path)
    scene = contract.deployment.scene
    bare = replace(contract, deployment=replace(contract.deployment, scene=None))
    config = SessionConfig(chunk_max_age_s=chunk_max_age_s, resume_within_s=allowed.resume_within_s)
    ours = Baseline.of(Deployed(bare, config), LimitsInForce.of(contract))
    unknown = [Safeguard.SEEN, Safeguard.BLACK_BOX, *([] if scene is None else [Safeguard.LOOK_AHEAD])]
    ours = replace(
        ours,
        required=(*ours.required, *unknown),
        scene=None if scene is None else allowed.scene,
        first_motion=allowed.first_motion,
    )
    return ours.weaker(allowed)


def _facts(folder: Path) -> Mapping[str, str]:
    if not folder.is_dir():
        raise MissingFileError(folder)
    if not bag_files(folder):
        raise NotVerifiableError(folder, "it is no recording: there is no mcap or sqlite3 file in it")
    return read_facts(folder) if (folder / METADATA).is_file() else {}


def _contract(stated: Path | None, facts: Mapping[str, str], folder: Path) -> Contract:
    from qgf_ros.contract.load import load_contract
    from qgf_ros.contract.travel import unpack_contract

    return unpack_contract(facts, folder) if stated is None else load_contract(stated)


def _print(folder: Path, contract: Contract, report: Report) -> None:
    rungs = ", ".join(f"{rung} {count}" for rung, count in sorted(report.rungs.items()))
    print(f"{folder} under the contract {contract.interface.name} ({contract.digest[:12]})")
    print(
        f"  {report.ticks} ticks ({rungs}), {report.commands} command messages, {report.certificates} certificates"
    )
    for note in report.notes:
        print(f"  not checked: {note}")
    if report.before:
        print(
            f"  not checked: the commands of {report.before} certificates, before the recording was complete"
        )
    if report.holds:
        print("Everything holds: each command is certified, and inside every limit.")
        return
    if not report.has_proof:
        print("Nothing was verified: there is no certificate of a tick with its commands.")
    print(f"{report.counts.total()} violations:")
    for kind, count in report.counts.most_common():
        print(f"  {kind:<20} {count:>6}")
    told: Counter[str] = Counter()
    for entry in report.violations:
        told[entry.what.value] += 1
        if told[entry.what.value] <= SHOWN:
            print(f"  {entry}")
