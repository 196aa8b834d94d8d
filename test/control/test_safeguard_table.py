"""What people read before the first motion: every watch, on or off, and why it is off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from contract_files import SHIPPED, two_joints

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.control.deployed import Deployed
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.control.safeguard_table import table, watches
from qgf_ros.control.session import SessionConfig
from qgf_ros.seen import read_seen


@pytest.fixture(scope="module")
def hardware() -> Contract:
    return load_contract(SHIPPED.with_name("ur5e_hardware.yaml"))


def lines(deployed: Deployed) -> str:
    return "\n".join(table(deployed, LimitsInForce.of(deployed.contract), "none has come", "full"))


def row(deployed: Deployed, joint: str) -> list[str]:
    [found] = [line.split() for line in watches(deployed) if line.startswith(f"{joint} ")]
    return found[1:]


def test_a_joint_whose_errors_are_its_whole_range_is_said_to_be_unwatched(hardware: Contract) -> None:
    deployed = Deployed(hardware, SessionConfig())
    assert row(deployed, "elbow_joint") == ["on", "on", "on", "by", "range", "on"]
    assert row(deployed, "finger_joint") == ["off", "off", "off", "by", "range", "off"]
    assert watches(deployed)[-1].startswith("off: start_error or tracking_error is the joint's whole range")


def test_in_shadow_mode_nothing_is_sent_and_nothing_that_would_follow_it_is_watched(
    hardware: Contract,
) -> None:
    deployed = Deployed(hardware, SessionConfig(shadow=True))
    assert row(deployed, "elbow_joint") == ["shadow", "shadow", "shadow", "by", "range", "shadow"]
    assert "none are sent: shadow mode" in lines(deployed)


def test_where_nothing_looks_ahead_the_table_says_so(hardware: Contract) -> None:
    assert "on, in ur5e_table.xml" in lines(Deployed(hardware, SessionConfig()))
    bare = replace(hardware, deployment=replace(hardware.deployment, scene=None))
    assert "OFF, nothing looks ahead: the contract names no scene" in lines(Deployed(bare, SessionConfig()))


def test_what_is_off_is_named(tmp_path: Path) -> None:
    said = lines(Deployed(two_joints(tmp_path), SessionConfig(), is_lockstep=True))
    for words in (
        "workspace          none: targets of actions are not clipped",
        "speed scaling      off: the contract names no topic",
        "clock              off: in lockstep",
        "black box          off",
        "data seen          not known",
        "tool               not limited",
    ):
        assert words in said


def test_an_exported_policy_is_said_not_to_know_its_data(hardware: Contract, tmp_path: Path) -> None:
    (tmp_path / "policy.onnx").write_bytes(b"")
    seen, words = read_seen(str(tmp_path / "policy.onnx"))
    assert "not known: policy.onnx is one exported file" in lines(
        Deployed(hardware, SessionConfig(), seen, words)
    )
