"""`qgf doctor`: will the graph run here, and on time? What to change where it will not."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qgf_ros.doctor.finding import Finding

HELP = "check kernel, limits, clock, GPU, engine, middleware and network, and say what to change"
EXAMPLE = "qgf doctor --json out/doctor.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There is nothing to choose."""


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Prints every finding; returns them. `exit_code` is 1 where one says FAIL."""
    from qgf_ros.doctor.examine import examine
    from qgf_ros.doctor.finding import State

    findings = examine()
    show(findings)
    has_failed = any(finding.state is State.FAIL for finding in findings)
    rows = [asdict(finding) | {"state": finding.state.value} for finding in findings]
    return {"checks": rows, "exit_code": int(has_failed)}


def show(findings: list[Finding]) -> None:
    """One line a finding, and below it what to change."""
    for finding in findings:
        print(f"{finding.state.value:<4}  {finding.name:<18}  {finding.found}")
        if finding.advice:
            print(f"{'':26}-> {finding.advice}")
