"""The parts of a contract must fit together: rates, topics, limits and outputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contract_files import write_shipped, write_two_joints

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import JointLimits
from qgf_ros.errors import ContractError

Content = dict[str, Any]


DEPLOYMENT_MISTAKES: list[tuple[str, Callable[[Content], object], str]] = [
    (
        "ticks that do not divide",
        lambda c: c["deployment"].update(command_rate_hz=90.0),
        r"one control period is 4\.5 command ticks .*whole number, at least 1",
    ),
    (
        "period shorter than a tick",
        lambda c: c["deployment"].update(command_rate_hz=1.0),
        r"one control period is 0\.05 command ticks",
    ),
    (
        "negative rates",
        lambda c: (
            c["deployment"].update(command_rate_hz=-100),
            c["interface"].update(control_period_s=-0.05),
        ),
        "both must be above 0",
    ),
    ("chunk of nothing", lambda c: c["interface"].update(chunk_length=0), "chunk_length is 0; .*at least 1"),
    (
        "input without topic",
        lambda c: c["deployment"]["inputs"].pop("goal"),
        r"deployment\.inputs lacks goal; every interface input needs a topic",
    ),
    (
        "topic of no input",
        lambda c: c["deployment"]["inputs"].update(gaol={"topic": "a", "max_age_s": 1}),
        r"deployment\.inputs names 'gaol'; it must be one of joint_states, goal",
    ),
    (
        "name that is no topic",
        lambda c: c["deployment"]["inputs"]["goal"].update(topic="goal pose"),
        r"deployment\.inputs\.goal\.topic is 'goal pose'",
    ),
    (
        "frame of joints",
        lambda c: c["deployment"]["inputs"]["joint_states"].update(frame="base_link"),
        r"deployment\.inputs\.joint_states names a frame; only poses have a frame",
    ),
    (
        "no age allowed",
        lambda c: c["deployment"]["inputs"]["goal"].update(max_age_s=0),
        "max_age_s is 0; it must be above 0",
    ),
    (
        "limits of no joint",
        lambda c: c["deployment"]["limits"].update(wrist=c["deployment"]["limits"]["elbow"]),
        r"deployment\.limits names 'wrist'; it must be one of shoulder, elbow",
    ),
    (
        "joint without limits",
        lambda c: c["deployment"]["limits"].pop("elbow"),
        r"deployment\.limits lacks elbow; every joint needs all its limits",
    ),
    (
        "limits the wrong way round",
        lambda c: c["deployment"]["limits"]["elbow"].update(lower=2.0),
        "the limits of 'elbow' allow no motion; lower < upper",
    ),
    (
        "limits of no arm",
        lambda c: c["deployment"]["limits"]["elbow"].update(jerk=1e9),
        r"the limits of 'elbow' are those of no arm; velocity up to 1000, acceleration 100000, jerk 1e\+08",
    ),
    (
        "no speed",
        lambda c: c["deployment"]["limits"]["elbow"].update(velocity=0),
        "the limits of 'elbow' allow no motion",
    ),
    (
        "output that misses a joint",
        lambda c: c["deployment"]["outputs"][0].update(joints=["shoulder"]),
        "the outputs carry shoulder; each of shoulder, elbow exactly once",
    ),
    (
        "joint sent twice",
        lambda c: c["deployment"]["outputs"].append({"kind": "group", "topic": "b", "joints": ["elbow"]}),
        "the outputs carry shoulder, elbow, elbow; each of shoulder, elbow exactly once",
    ),
    (
        "bounds of a tool without a model",
        lambda c: c["deployment"].update(tool={"speed": 1.0, "box": [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]}),
        r"deployment\.tool bounds a tool that no model has; name the arm's model in interface\.kinematics",
    ),
    ("no outputs", lambda c: c["deployment"].update(outputs=[]), "the outputs carry no joints"),
    (
        "empty output",
        lambda c: c["deployment"]["outputs"].append({"kind": "group", "topic": "b", "joints": []}),
        "the output 'b' carries no joints",
    ),
    (
        "two outputs on a topic",
        lambda c: c["deployment"].update(
            outputs=[{"kind": "group", "topic": "a", "joints": [joint]} for joint in ("shoulder", "elbow")]
        ),
        r"deployment\.outputs names a twice",
    ),
    (
        "gripper of two joints",
        lambda c: c["deployment"]["outputs"][0].update(kind="gripper_command"),
        "the gripper command 'arm_controller/commands' carries shoulder, elbow; it moves one joint",
    ),
]


@pytest.mark.parametrize(
    ("edit", "words"), [row[1:] for row in DEPLOYMENT_MISTAKES], ids=[row[0] for row in DEPLOYMENT_MISTAKES]
)
def test_a_deployment_that_does_not_fit_its_interface_is_refused(
    tmp_path: Path, edit: Callable[[Content], object], words: str
) -> None:
    path = write_two_joints(tmp_path, edit)
    with pytest.raises(ContractError, match=rf"Contract two_joints\.yaml: .*{words}"):
        load_contract(path)


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ({"speed": 0.0, "box": [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]}, r"tool\.speed is 0; it must be above 0"),
        (
            {"speed": 1.0, "box": [[0.0, 0.5, 0.0], [1.0, 0.5, 1.0]]},
            r"tool\.box goes from 0\.5 to 0\.5 along y; the lower corner comes first",
        ),
    ],
)
def test_bounds_under_which_no_tool_could_move_are_refused(
    tmp_path: Path, tool: dict[str, object], words: str
) -> None:
    path = write_shipped(tmp_path, lambda content: content["deployment"].update(tool=tool))
    with pytest.raises(ContractError, match=words):
        load_contract(path)


def make_lift(content: Content, **stated: float) -> None:
    """The elbow becomes an axis of 0.25 m, with these errors stated."""
    limits = content["deployment"]["limits"]["elbow"]
    limits.clear()
    limits.update(lower=0.0, upper=0.25, velocity=0.1, acceleration=0.5, jerk=5.0, **stated)


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        (
            {},
            r"tracking_error of 'elbow' is 0\.3 where nothing is stated, and its whole range 0\.25; state it",
        ),
        ({"tracking_error": 0.02, "upper": 0.1}, "start_error of 'elbow' is 0.1 where nothing is stated"),
    ],
)
def test_a_default_as_wide_as_the_whole_range_of_an_axis_is_refused(
    tmp_path: Path, stated: dict[str, float], words: str
) -> None:
    """The defaults are meant for hinges; on a short slide they would switch its watches off without a word."""

    def edit(content: Content) -> None:
        errors = {key: value for key, value in stated.items() if key != "upper"}
        make_lift(content, **errors)
        content["deployment"]["limits"]["elbow"]["upper"] = stated.get("upper", 0.25)

    with pytest.raises(ContractError, match=words):
        load_contract(write_two_joints(tmp_path, edit))


def test_an_axis_whose_errors_are_stated_is_taken_also_where_they_switch_its_watches_off(
    tmp_path: Path,
) -> None:
    def taken(**stated: float) -> JointLimits:
        path = write_two_joints(tmp_path, lambda content: make_lift(content, **stated))
        return load_contract(path).deployment.limits["elbow"]

    short, off = taken(tracking_error=0.02, start_error=0.01), taken(tracking_error=0.25, start_error=0.3)
    assert (short.watches_tracking, short.watches_start) == (True, True)
    assert (off.watches_tracking, off.watches_start) == (False, False)
