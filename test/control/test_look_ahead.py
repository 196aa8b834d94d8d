"""The look-ahead shield: what it refuses, what it lets pass, and that the scene is the arm of the kinematic model."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.load import load_contract
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.control.look_ahead import STEP_RAD, LookAhead, between, look_ahead_of
from qgf_ros.errors import ContractError, UnreadableFileError

CONFIG = Path(__file__).parents[2] / "config"
ABOVE_TABLE = np.array([0.0, -1.8, 2.0, -1.77, -1.57, 0.0, 0.0])  # tool down, 0.2 m above the table
ANGLES = st.lists(st.floats(-3.0, 3.0), min_size=6, max_size=6)


@pytest.fixture(scope="module")
def contract():
    made = load_contract(CONFIG / "contracts" / "ur5e_cube.yaml")
    return replace(made, deployment=replace(made.deployment, scene="../scenes/ur5e_table.xml"))


@pytest.fixture(scope="module")
def look_ahead(contract):
    return LookAhead(contract)


@given(ANGLES)
def test_the_scene_puts_the_tool_where_the_kinematic_model_does(contract, angles):
    scene = mujoco.MjModel.from_xml_path(str(contract.scene_path))
    data = mujoco.MjData(scene)
    data.qpos[:] = angles
    mujoco.mj_kinematics(scene, data)
    kinematics = Kinematics(contract)
    expected, _ = kinematics.tool(dict(zip(kinematics.joints, angles, strict=True)))
    np.testing.assert_allclose(data.site("pinch").xpos, expected, atol=1e-9)


def test_a_path_above_the_table_is_let_pass(look_ahead):
    aside = ABOVE_TABLE + np.array([0.3, 0, 0, 0, 0, 0, 0])
    assert look_ahead.check(np.array([aside]), ABOVE_TABLE) is None


def test_a_path_into_the_table_is_refused_by_name(look_ahead):
    down = ABOVE_TABLE + np.array([0, 0.9, 0, 0, 0, 0, 0])
    finding = look_ahead.check(np.array([down]), ABOVE_TABLE)
    assert finding is not None
    assert finding.reason == "collision"
    assert "table" in finding.subject


def test_a_path_into_the_arm_itself_is_refused_by_name(look_ahead):
    upright = np.array([0.0, -1.57, 0, 0, 0, 0, 0])
    folded = upright + np.array([0, 0, 2.95, 0, 0, 0, 0])
    finding = look_ahead.check(np.array([folded]), upright)
    assert finding is not None
    assert "table" not in finding.subject


def test_a_declared_pole_between_two_free_places_is_not_jumped_over(contract, tmp_path):
    pole = '<geom name="pole" type="box" pos="-0.134 0.387 0.3" size="0.03 0.03 0.3"/>'
    file = tmp_path / "scene.xml"
    file.write_text(contract.scene_path.read_text().replace("<worldbody>", f"<worldbody>{pole}", 1))
    look_ahead = LookAhead(replace(contract, deployment=replace(contract.deployment, scene=str(file))))
    left, right = ABOVE_TABLE.copy(), ABOVE_TABLE.copy()
    left[0], right[0] = -1.0, 1.0
    assert look_ahead.check(np.array([left]), left) is None
    assert look_ahead.check(np.array([right]), right) is None
    finding = look_ahead.check(np.array([right]), left)
    assert finding is not None
    assert "pole" in finding.subject


@given(ANGLES, ANGLES)
def test_places_looked_at_are_close_and_end_at_the_target(start, end):
    before, target = np.array(start), np.array(end)
    places = [before, *between(before, target)]
    np.testing.assert_allclose(places[-1], target, atol=1e-12)
    assert np.abs(np.diff(places, axis=0)).max() <= STEP_RAD + 1e-12


def test_a_scene_that_is_no_model_is_refused(contract, tmp_path):
    file = tmp_path / "scene.xml"
    file.write_text("<mujoco><worldbody><nothing/></worldbody></mujoco>")
    with pytest.raises(UnreadableFileError, match="a MuJoCo model"):
        LookAhead(replace(contract, deployment=replace(contract.deployment, scene=str(file))))


def edited(contract, tmp_path, *changes):
    """The contract with its scene changed: pairs of what stands in it and what comes instead, everywhere."""
    text = contract.scene_path.read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    file = tmp_path / "scene.xml"
    file.write_text(text)
    return replace(contract, deployment=replace(contract.deployment, scene=str(file)))


def test_a_scene_of_another_arm_is_refused(contract):
    other = str(CONFIG / "robots" / "jaco.xml")
    with pytest.raises(ContractError, match="must be among shoulder_pan_joint"):
        LookAhead(replace(contract, deployment=replace(contract.deployment, scene=other)))


@pytest.mark.parametrize("name", ["shoulder_pan_joint", "wrist_2_joint"])
def test_a_scene_without_one_joint_of_the_arm_is_refused_by_name(contract, tmp_path, name):
    joint = re.search(f'<joint name="{name}"[^>]*/>', contract.scene_path.read_text()).group()
    with pytest.raises(ContractError, match=f"the scene scene.xml lacks {name}; it must move"):
        LookAhead(edited(contract, tmp_path, (joint, "")))


def test_a_scene_that_moves_one_joint_only_is_refused(contract, tmp_path):
    file = tmp_path / "scene.xml"
    file.write_text(
        '<mujoco><worldbody><geom type="plane" size="1 1 1"/><body><joint name="elbow_joint"/>'
        '<geom size="0.1"/></body></worldbody></mujoco>'
    )
    with pytest.raises(ContractError, match="lacks shoulder_pan_joint, shoulder_lift_joint, wrist_1_joint"):
        LookAhead(replace(contract, deployment=replace(contract.deployment, scene=str(file))))


def test_without_a_kinematic_model_every_joint_of_the_contract_must_be_in_the_scene(contract):
    bare = replace(contract, interface=replace(contract.interface, kinematics=None))
    with pytest.raises(ContractError, match="lacks finger_joint"):
        LookAhead(bare)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('pos="0 -0.131 0.425"', 'pos="0 -0.131 0.475"'),  # an upper arm 5 cm longer
        ('name="elbow_joint" axis="0 1 0"', 'name="elbow_joint" axis="0 -1 0"'),
        ('<body name="base" quat="0.707106781186547 0 0 0.707106781186547">', '<body name="base">'),
        ('pos="0 0 0.1558" quat="0.707106781186547 0 0 -0.707106781186547"', 'pos="0 0 0.1558"'),
    ],
    ids=["longer", "turns the other way", "stands turned on its table", "tool turned"],
)
def test_a_scene_whose_arm_puts_the_tool_elsewhere_is_refused(contract, tmp_path, before, after):
    with pytest.raises(
        ContractError, match=r"'pinch' of the scene scene\.xml .* from that of ur5e_2f85\.xml"
    ):
        LookAhead(edited(contract, tmp_path, (before, after)))


def test_an_arm_that_is_a_few_millimetres_off_as_calibrations_are_is_let_pass(contract, tmp_path):
    LookAhead(edited(contract, tmp_path, ('pos="0 -0.131 0.425"', 'pos="0 -0.131 0.427"')))


def test_a_scene_without_the_tools_site_is_refused(contract, tmp_path):
    with pytest.raises(ContractError, match="has no site 'pinch'"):
        LookAhead(edited(contract, tmp_path, ('site name="pinch"', 'site name="tip"')))


NOTHING_COLLIDES = {
    "no contact types": [('contype="1" conaffinity="1"', 'contype="0" conaffinity="0"')],
    "contacts switched off": [("<worldbody>", '<option><flag contact="disable"/></option><worldbody>')],
    "no memory for a contact": [("<worldbody>", '<size memory="1"/><worldbody>')],
    "only the world's shapes": [
        ('contype="1" conaffinity="1"', 'contype="0" conaffinity="0"'),
        ('name="table"', 'name="table" contype="1" conaffinity="1"'),
    ],
}


@pytest.mark.parametrize("changes", NOTHING_COLLIDES.values(), ids=NOTHING_COLLIDES.keys())
def test_a_scene_in_which_nothing_can_touch_is_refused(contract, tmp_path, changes):
    """As pairs that are all excluded: a chunk far below the table would be let pass."""
    with pytest.raises((ContractError, UnreadableFileError), match=r"scene\.xml"):
        LookAhead(edited(contract, tmp_path, *changes))


def test_a_scene_in_which_only_the_arm_can_touch_itself_is_let_pass(contract, tmp_path):
    LookAhead(edited(contract, tmp_path, ('name="table"', 'name="table" contype="0" conaffinity="0"')))


def test_every_scene_that_ships_is_that_of_its_contracts_arm():
    for path in sorted((CONFIG / "contracts").glob("*.yaml")):
        look_ahead_of(load_contract(path))


def with_scene(folder, inner, **changes):
    """The contract with a scene of these elements around the arm of the shipped one."""
    for name in ("contracts", "robots", "scenes"):
        shutil.copytree(CONFIG / name, folder / name)
    path = folder / "scenes" / "ur5e_table.xml"
    path.write_text(path.read_text().replace("</worldbody>", f"{inner}</worldbody>"))
    made = load_contract(folder / "contracts" / "ur5e_cube.yaml")
    deployment = replace(made.deployment, scene="../scenes/ur5e_table.xml")
    return replace(made, deployment=deployment, interface=replace(made.interface, **changes))


def test_a_scene_of_more_bodies_than_mujoco_finds_contacts_among_is_refused(tmp_path):
    """Found by the fuzzer."""
    with pytest.raises(UnreadableFileError, match="a scene in which MuJoCo finds contacts"):
        LookAhead(with_scene(tmp_path, "<body/>" * 9000))


def test_a_chunk_of_hours_is_refused_before_it_is_looked_at(tmp_path):
    with pytest.raises(ContractError, match=r"looking ahead takes .* s a chunk, .* by fewer shapes"):
        LookAhead(with_scene(tmp_path, "", control_period_s=60.0, chunk_length=1000))
