"""`qgf limits`: prints what bounds a robot, and whether it is weaker than what was committed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from contract_files import ROOT, write_bare_two_joints, write_shipped

from qgf_ros.cli.main import main


def test_the_limits_of_a_contract_are_printed_and_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract, figures = write_bare_two_joints(tmp_path), tmp_path / "figures.json"
    assert main(["limits", str(contract)]) == 2
    assert "--write-baseline" in capsys.readouterr().err
    assert main(["limits", str(contract), "--write-baseline"]) == 0
    said = capsys.readouterr().out
    assert "off here, so not required by it: tool, look_ahead, speed_scaling, seen" in said
    assert main(["limits", str(contract), "--json", str(figures)]) == 0
    said = capsys.readouterr().out
    assert "elbow              -1 to 1.5 rad, 1 rad/s, 5 rad/s2, 500 rad/s3" in said
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


HARDWARE = str(ROOT / "config" / "contracts" / "ur5e_hardware.yaml")
CHECKPOINT = str(ROOT / "checkpoints" / "ur5e_cube")


def test_real_hardware_is_compared_with_its_own_baseline_under_the_parameters_that_launch_gives(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["limits", HARDWARE, "--seen", CHECKPOINT]) == 0
    assert "no weaker than the baseline" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "clause"),
    [
        ([], "'seen' is off, and required (not known: the parameter seen names no checkpoint)"),
        (["--seen", CHECKPOINT, "--lockstep"], "the parameter lockstep is true, only false is allowed"),
        (["--seen", CHECKPOINT, "--full-speed-confirmed"], "the parameter full_speed_confirmed is true"),
    ],
)
def test_on_real_hardware_what_simulation_may_do_is_weaker(
    capsys: pytest.CaptureFixture[str], arguments: list[str], clause: str
) -> None:
    assert main(["limits", HARDWARE, *arguments]) == 1
    assert f"weaker: {clause}" in capsys.readouterr().out


def test_a_scene_in_which_nothing_can_touch_is_found_without_a_robot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract = write_shipped(tmp_path)
    scene = tmp_path / "scenes" / "ur5e_table.xml"
    scene.write_text(scene.read_text().replace('contype="1" conaffinity="1"', 'contype="0" conaffinity="0"'))
    assert main(["limits", str(contract)]) == 2
    assert "nothing can touch" in capsys.readouterr().err


def test_a_scene_that_was_changed_since_its_review_is_weaker(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract = write_shipped(tmp_path)
    scene = tmp_path / "scenes" / "ur5e_table.xml"
    scene.write_text(scene.read_text().replace('<geom name="table"', '<geom name="table" contype="0"'))
    assert main(["limits", str(contract)]) == 1
    assert "weaker: the scene's sha256 is" in capsys.readouterr().out
