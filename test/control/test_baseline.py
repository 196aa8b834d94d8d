"""The baseline: whatever a deployment weakens or leaves out is found, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from contract_files import write_bare_two_joints

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract, JointLimits, OutputKind, ToolLimits
from qgf_ros.control.baseline import Baseline, Safeguard, check_deployed
from qgf_ros.control.baseline_file import find_baseline, load_baseline, own_place, write_baseline
from qgf_ros.control.deployed import Deployed
from qgf_ros.control.first_motion import FirstMotion
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.control.session import SessionConfig
from qgf_ros.errors import InvalidSetting, MissingBaselineError, UnknownKeys, WeakerThanBaselineError
from qgf_ros.seen import Seen, read_seen

BOX_M = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
WIDE_M = ((0.0, 0.0, 0.0), (1.0, 1.0, 2.0))
SEEN = Seen(("shoulder", "elbow"), (-1.0, -1.0), (1.0, 1.0), (0.0, 0.0), (0.1, 0.1))
TOOL = ToolLimits(0.5, ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)))


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return load_contract(write_bare_two_joints(tmp_path))


def amounts_to(contract: Contract, **changes: Any) -> Baseline:
    """What the contract amounts to with all that can be left out, and with changes."""
    limits = replace(LimitsInForce.of(contract), tool=TOOL)
    config = SessionConfig(first_motion=FirstMotion.REFUSE)
    deployed = Deployed(contract, config, SEEN, "known", black_box=Path("boxes"))
    found = Baseline.of(deployed, limits)
    stated = {"workspace": BOX_M, "scene": "a" * 64, "speed_scaling": "arm/speed_scaling"}
    outputs = {"shoulder": OutputKind.TRAJECTORY, "elbow": OutputKind.GROUP}
    return replace(found, outputs=outputs, **(stated | changes))


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
    "the input extra stands in no baseline": lambda it: replace(it, max_age_s=it.max_age_s | {"extra": 0.1}),
    "the input joint_states of the baseline has no largest age": lambda it: replace(
        it, max_age_s={"goal": it.max_age_s["goal"]}
    ),
    "'elbow' of the baseline has no limits": lambda it: replace(
        it, joints={"shoulder": it.joints["shoulder"]}
    ),
    "the output of 'shoulder' is group, which does not end at rest: trajectory is allowed": lambda it: (
        replace(it, outputs=it.outputs | {"shoulder": OutputKind.GROUP})
    ),
    "the output of 'shoulder' is follow_joint_trajectory, where others are not seen: tra": lambda it: replace(
        it, outputs=it.outputs | {"shoulder": OutputKind.FOLLOW_JOINT_TRAJECTORY}
    ),
    "the output of 'elbow' is gripper_command, where others are not seen: group": lambda it: replace(
        it, outputs=it.outputs | {"elbow": OutputKind.GRIPPER_COMMAND}
    ),
    "'elbow' has no output": lambda it: replace(it, outputs={"shoulder": OutputKind.TRAJECTORY}),
    "the workspace of actions is not bounded": lambda it: replace(it, workspace=None),
    "the workspace of actions is 0 to 2 m along z, 0 to 1 is allowed": lambda it: replace(
        it, workspace=WIDE_M
    ),
    "command_rate_hz is 50, at least 100 is allowed": lambda it: replace(it, command_rate_hz=50.0),
    "the parameter first_motion is slow, refuse is allowed": lambda it: replace(
        it, first_motion=FirstMotion.SLOW
    ),
    "the parameter full_speed_confirmed is true, only false": lambda it: replace(
        it, full_speed_confirmed=True
    ),
    "the parameter lockstep is true, only false is allowed at configure": lambda it: replace(
        it, lockstep=True
    ),
    "the scene's sha256 is 'bbbbbbbbbbbb', and 'aaaaaaaaaaaa' was reviewed": lambda it: replace(
        it, scene="b" * 64
    ),
    "the scene's sha256 is none, and 'aaaaaaaaaaaa' was": lambda it: replace(it, scene=None),
    "the topic of speed_scaling is 'mine', and 'arm/speed_scaling' was reviewed": lambda it: replace(
        it, speed_scaling="mine"
    ),
    "the parameter chunk_max_age_s may be 0.6 s": lambda it: replace(it, chunk_max_age_s=0.6),
    "the parameter resume_within_s may be 0.6 s": lambda it: replace(it, resume_within_s=0.6),
    "'tool' is off, and required": lambda it: replace(it, required=(Safeguard.SEEN, Safeguard.BLACK_BOX)),
    "'seen' is off, and required": lambda it: replace(it, required=(Safeguard.TOOL, Safeguard.BLACK_BOX)),
    "'black_box' is off, and required": lambda it: replace(it, required=(Safeguard.TOOL, Safeguard.SEEN)),
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


def test_what_a_baseline_does_not_bound_may_be_anything(contract: Contract) -> None:
    bare = amounts_to(contract, workspace=None, scene=None, speed_scaling=None, tool=None, required=())
    assert amounts_to(contract).weaker(bare) == []


def test_what_ends_at_rest_is_no_weaker_than_what_holds(contract: Contract) -> None:
    allowed = amounts_to(contract)
    ours = replace(allowed, outputs=allowed.outputs | {"elbow": OutputKind.TRAJECTORY})
    assert ours.weaker(allowed) == []


def test_each_safeguard_of_a_contract_is_seen(contract: Contract, tmp_path: Path) -> None:
    (tmp_path / "scene.xml").write_text("<mujoco/>")
    deployment = replace(contract.deployment, scene="scene.xml", speed_scaling="speed_scaling", tool=TOOL)
    whole = replace(contract, deployment=deployment)
    deployed = Deployed(whole, SessionConfig(), SEEN, "known", black_box=Path("boxes"))
    found = Baseline.of(deployed, LimitsInForce.of(whole))
    assert set(found.required) == set(Safeguard)
    bare = Baseline.of(Deployed(contract, SessionConfig()), LimitsInForce.of(contract))
    assert bare.required == ()
    assert len(bare.weaker(found)) == 3 + len(Safeguard)  # and bounds of the tool, the scene, the topic


def test_an_exported_file_as_seen_is_named_where_seen_is_required(contract: Contract, tmp_path: Path) -> None:
    """Such a file does not say where its data were, and was taken for nothing at all."""
    (tmp_path / "policy.onnx").write_bytes(b"")
    seen, words = read_seen(str(tmp_path / "policy.onnx"))
    deployed = Deployed(contract, SessionConfig(), seen, words)
    limits = LimitsInForce.of(contract)
    allowed = replace(Baseline.of(deployed, limits), required=(Safeguard.SEEN,))
    with pytest.raises(WeakerThanBaselineError, match=r"'seen' is off, and required \(.*policy\.onnx is one"):
        check_deployed(deployed, limits, allowed, Path("some.yaml"))


def test_first_motion_cannot_be_refused_away_from_data_that_nobody_knows(contract: Contract) -> None:
    with pytest.raises(InvalidSetting, match="first_motion is 'refuse', but it must be slow where the data"):
        Deployed(contract, SessionConfig(first_motion=FirstMotion.REFUSE))


def test_what_is_written_is_read_again(contract: Contract, tmp_path: Path) -> None:
    bare: dict[str, Any] = {"workspace": None, "scene": None, "speed_scaling": None}
    for written in (amounts_to(contract), amounts_to(contract, tool=None, required=(), **bare)):
        path = tmp_path / "sub" / "it.yaml"
        write_baseline(written, "two_joints", path)
        assert load_baseline(path) == written


@pytest.mark.parametrize("key", ["outputs", "first_motion", "lockstep", "full_speed_confirmed", "required"])
def test_a_baseline_that_says_nothing_of_a_weakening_is_refused(
    contract: Contract, tmp_path: Path, key: str
) -> None:
    path = tmp_path / "it.yaml"
    write_baseline(amounts_to(contract), "two_joints", path)
    content = yaml.safe_load(path.read_text())
    del content[key]
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(UnknownKeys, match=f"lacks {key}"):
        load_baseline(path)


def test_a_baseline_that_leaves_an_error_to_its_default_is_refused(
    contract: Contract, tmp_path: Path
) -> None:
    path = tmp_path / "it.yaml"
    write_baseline(amounts_to(contract), "two_joints", path)
    path.write_text(path.read_text().replace(", tracking_error: 0.3", ""))
    with pytest.raises(UnknownKeys, match=r"it\.yaml\.joints\.shoulder lacks tracking_error"):
        load_baseline(path)


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
