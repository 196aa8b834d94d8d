"""`qgf limits`: prints what bounds a robot, and whether it is weaker than what was committed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from contract_files import write_bare_two_joints

from qgf_ros.cli.main import main


def test_the_limits_of_a_contract_are_printed_and_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract, figures = write_bare_two_joints(tmp_path), tmp_path / "figures.json"
    assert main(["limits", str(contract)]) == 2
    assert "--write-baseline" in capsys.readouterr().err
    assert main(["limits", str(contract), "--write-baseline"]) == 0
    assert main(["limits", str(contract), "--json", str(figures)]) == 0
    said = capsys.readouterr().out
    assert "elbow     -1 to 1.5 rad, 1 rad/s, 5 rad/s2, 500 rad/s3" in said
    assert "no weaker than the baseline" in said
    assert json.loads(figures.read_text())["limits"]["elbow.velocity"] == "1.0"


def test_a_weakened_contract_is_an_exit_code_and_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["limits", str(write_bare_two_joints(tmp_path)), "--write-baseline"])

    def weaken(content: dict[str, Any]) -> None:
        content["deployment"]["limits"]["elbow"]["velocity"] = 2.0

    contract = write_bare_two_joints(tmp_path, weaken)
    capsys.readouterr()
    assert main(["limits", str(contract)]) == 1
    assert "weaker: velocity of 'elbow' is 2 rad/s, 1 is allowed" in capsys.readouterr().out
    assert main(["limits", str(contract), "--write-baseline"]) == 0
    assert "now allowed: velocity of 'elbow'" in capsys.readouterr().out
    assert main(["limits", str(contract)]) == 0


def test_another_baseline_can_be_named(tmp_path: Path) -> None:
    contract, other = write_bare_two_joints(tmp_path), tmp_path / "mine.yaml"
    assert main(["limits", str(contract), "--baseline", str(other)]) == 2
    assert main(["limits", str(contract), "--baseline", str(other), "--write-baseline"]) == 0
    assert main(["limits", str(contract), "--baseline", str(other)]) == 0
