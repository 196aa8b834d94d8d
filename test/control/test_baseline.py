"""The baseline: whatever a deployment weakens or leaves out is found, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from contract_files import ROOT, write_bare_two_joints

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract, JointLimits, ToolLimits
from qgf_ros.control.baseline import (
    Baseline,
    Safeguard,
    find_baseline,
    load_baseline,
    own_place,
    write_baseline,
)
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.errors import InvalidSetting, MissingBaselineError, UnknownKeys, WeakerThanBaselineError

TOOL = ToolLimits(0.5, ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)))


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return load_contract(write_bare_two_joints(tmp_path))


def amounts_to(contract: Contract, **changes: Any) -> Baseline:
    """What the contract amounts to, with a tool and a black box, and with changes."""
    limits = replace(LimitsInForce.of(contract), tool=TOOL)
    found = Baseline.of(contract, limits, 0.5, 0.5, [Safeguard.BLACK_BOX])
    return replace(found, **changes)


def with_elbow(baseline: Baseline, **changes: float) -> Baseline:
    return replace(baseline, joints=baseline.joints | {"elbow": replace(baseline.joints["elbow"], **changes)})


WEAKENED: dict[str, Callable[[Baseline], Baseline]] = {
    "velocity of 'elbow' is 1.1 rad/s, 1 is allowed": lambda it: with_elbow(it, velocity=1.1),
    "acceleration of 'elbow' is 5.5 rad/s2, 5 is": lambda it: with_elbow(it, acceleration=5.5),
    "jerk of 'elbow' is 501 rad/s3, 500 is": lambda it: with_elbow(it, jerk=501.0),
    "start_error of 'elbow' is 0.2 rad, 0.1 is": lambda it: with_elbow(it, start_error=0.2),
    "tracking_error of 'elbow' is 0.4 rad, 0.3 is": lambda it: with_elbow(it, tracking_error=0.4),
    "'elbow' may go from -1.1 to 1.5 rad, -1 to 1.5": lambda it: with_elbow(it, lower=-1.1),
    "'elbow' may go from -1 to 1.6 rad": lambda it: with_elbow(it, upper=1.6),
    "'wrist' stands in no baseline": lambda it: replace(
        it, joints=it.joints | {"wrist": JointLimits(0.0, 1.0, 1.0, 1.0, 1.0)}
    ),
    "the tool is not limited": lambda it: replace(it, tool=None),
    "the tool's speed is 0.6 m/s, 0.5 is": lambda it: replace(it, tool=replace(TOOL, speed=0.6)),
    "the tool's box is 0 to 2 m along z, 0 to 1 is": lambda it: replace(
        it, tool=ToolLimits(0.5, ((0.0, 0.0, 0.0), (1.0, 1.0, 2.0)))
    ),
    "the oldest input joint_states may be 0.2 s, 0.08 is": lambda it: replace(
        it, max_age_s=it.max_age_s | {"joint_states": 0.2}
    ),
    "the oldest input extra may be 0.1 s, nan is": lambda it: replace(
        it, max_age_s=it.max_age_s | {"extra": 0.1}
    ),
    "the parameter chunk_max_age_s may be 0.6 s": lambda it: replace(it, chunk_max_age_s=0.6),
    "the parameter resume_within_s may be 0.6 s": lambda it: replace(it, resume_within_s=0.6),
    "'tool' is off, and required": lambda it: replace(it, required=(Safeguard.BLACK_BOX,)),
    "'black_box' is off, and required": lambda it: replace(it, required=(Safeguard.TOOL,)),
}


@pytest.mark.parametrize("clause", WEAKENED)
def test_each_weakening_is_found_and_named(contract: Contract, clause: str) -> None:
    allowed = amounts_to(contract)
    weaker = WEAKENED[clause](allowed)
    [found] = weaker.weaker(allowed)
    assert found.startswith(clause)
    with pytest.raises(WeakerThanBaselineError, match="Weaker than the baseline") as refusal:
        weaker.check(allowed, Path("some.yaml"))
    assert clause in str(refusal.value)


def test_the_same_and_anything_tighter_is_no_weaker(contract: Contract) -> None:
    allowed = amounts_to(contract)
    allowed.check(allowed, Path("some.yaml"))
    tight = with_elbow(allowed, lower=-0.5, velocity=0.1, tracking_error=0.1)
    tight = replace(tight, tool=replace(TOOL, speed=0.1), chunk_max_age_s=0.1)
    assert tight.weaker(allowed) == []


def test_each_safeguard_of_a_contract_is_seen(contract: Contract) -> None:
    deployment = replace(contract.deployment, scene="scene.xml", speed_scaling="speed_scaling", tool=TOOL)
    whole = replace(contract, deployment=deployment)
    found = Baseline.of(whole, LimitsInForce.of(whole), 0.5, 0.5, [Safeguard.SEEN, Safeguard.BLACK_BOX])
    assert set(found.required) == set(Safeguard)
    bare = Baseline.of(contract, LimitsInForce.of(contract), 0.5, 0.5, [])
    assert bare.required == ()
    assert len(bare.weaker(found)) == 1 + len(Safeguard)  # and the tool's own bounds


def test_what_is_written_is_read_again(contract: Contract, tmp_path: Path) -> None:
    for written in (amounts_to(contract), amounts_to(contract, tool=None, required=())):
        path = tmp_path / "sub" / "it.yaml"
        write_baseline(written, "two_joints", path)
        assert load_baseline(path) == written


def test_a_baseline_with_an_unknown_key_or_safeguard_is_refused(contract: Contract, tmp_path: Path) -> None:
    path = tmp_path / "it.yaml"
    write_baseline(amounts_to(contract), "two_joints", path)
    sound = path.read_text()
    path.write_text(sound + "tolerance: 2.0\n")
    with pytest.raises(UnknownKeys, match="tolerance"):
        load_baseline(path)
    path.write_text(sound.replace("black_box", "black_magic"))
    with pytest.raises(InvalidSetting, match="one of tool, look_ahead, speed_scaling, seen, black_box"):
        load_baseline(path)


def test_a_contract_without_baseline_is_told_how_to_write_one(contract: Contract) -> None:
    with pytest.raises(MissingBaselineError, match=r"qgf limits .*two_joints\.yaml --write-baseline"):
        find_baseline(contract)
    write_baseline(amounts_to(contract), "two_joints", own_place(contract))
    assert find_baseline(contract) == own_place(contract)


def test_the_name_of_an_interface_leads_nowhere_else(contract: Contract, tmp_path: Path) -> None:
    (tmp_path / "baselines").mkdir()
    (tmp_path / "it.yaml").write_text("")
    wicked = replace(contract, interface=replace(contract.interface, name="../it"))
    with pytest.raises(MissingBaselineError):
        find_baseline(wicked)
    assert own_place(wicked) == tmp_path / "baselines" / "it.yaml"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "config" / "contracts").glob("*.yaml")), ids=lambda path: path.stem
)
def test_no_contract_that_ships_is_weaker_than_its_baseline(path: Path) -> None:
    contract = load_contract(path)
    baseline = find_baseline(contract)
    assert baseline.parent == ROOT / "config" / "baselines"
    ours = Baseline.of(contract, LimitsInForce.of(contract), 0.5, 0.5, [Safeguard.BLACK_BOX])
    ours.check(load_baseline(baseline), baseline)
