"""Keys, gamepad and space mouse say the same words, and nothing that nobody meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from contract_files import two_joints
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.load import load_contract
from qgf_ros.errors import InvalidSetting
from qgf_ros.teleop.joy import NO_DEADMAN, Axis, Joy, read_axes, read_buttons
from qgf_ros.teleop.keys import PRESSES, WORDS, Keys
from qgf_ros.teleop.speed import SpeedLevels, beyond_dead_zone
from qgf_ros.teleop.steer import Press, Steer
from qgf_ros.teleop.twist import Twist

CONTRACTS = Path(__file__).parents[2] / "config" / "contracts"
UR5E = load_contract(CONTRACTS / "ur5e_cube.yaml")
MAX_AGE_S = 0.25
TOOL = ("x", "y", "z", "yaw")


def full_speed() -> SpeedLevels:
    return SpeedLevels([1.0])


def gamepad(deadman: int = 4) -> Joy:
    axes = [Axis("x", 1), Axis("y", 0, -1.0)]
    return Joy(axes, {0: Press.GRIPPER, 1: Press.FASTER}, deadman, 0.1, full_speed(), MAX_AGE_S)


@given(value=st.floats(allow_nan=True, allow_infinity=True), zone=st.floats(0.0, 0.9))
def test_a_stick_is_odd_bounded_and_rests_in_its_dead_zone(value: float, zone: float) -> None:
    found = beyond_dead_zone(value, zone)
    assert -1.0 <= found <= 1.0
    assert found == -beyond_dead_zone(-value, zone)
    assert (found == 0.0) == (not abs(value) > zone)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_stick_that_is_pushed_further_asks_for_no_less(less: float, more: float) -> None:
    less, more = sorted((less, more))
    assert beyond_dead_zone(less, 0.2) <= beyond_dead_zone(more, 0.2)


def test_at_its_stop_a_stick_asks_for_all() -> None:
    assert beyond_dead_zone(1.0, 0.3) == 1.0


def test_levels_of_speed_go_up_and_down_and_stay_at_the_last() -> None:
    speed = SpeedLevels([0.1, 0.5, 1.0])
    assert speed.share == 0.1
    speed.press(Press.SLOWER)
    assert speed.share == 0.1
    for _ in range(5):
        speed.press(Press.FASTER)
    assert speed.share == 1.0
    speed.press(Press.GRIPPER)
    assert speed.share == 1.0


@pytest.mark.parametrize("levels", [[], [0.0, 1.0], [0.5, 0.2], [0.5, 1.5], [float("nan")]])
def test_levels_that_are_none_are_refused(levels: list[float]) -> None:
    with pytest.raises(InvalidSetting, match="levels of speed"):
        SpeedLevels(levels)


def test_a_gamepad_moves_what_its_axes_are_named_for_past_the_dead_zone() -> None:
    steer, pressed = gamepad().read([1.0, 0.05], [0, 0, 0, 0, 1], 0.0)
    assert steer == Steer({"x": 0.0, "y": -1.0}, is_held=True)
    assert pressed == ()


def test_without_the_deadman_button_nothing_is_meant() -> None:
    joy = gamepad()
    assert not joy.read([1.0, 1.0], [0, 0, 0, 0, 0], 0.0)[0].is_held
    assert joy.read([1.0, 1.0], [0, 0, 0, 0, 1], 0.0)[0].is_held
    assert not joy.read([1.0, 1.0], [], 0.0)[0].is_held
    assert gamepad(NO_DEADMAN).read([1.0, 1.0], [], 0.0)[0].is_held


def test_a_deadman_button_of_which_nothing_more_is_heard_has_been_let_go() -> None:
    """Of a space mouse velocities may go on coming when its buttons' driver is lost."""
    joy, free = gamepad(), gamepad(NO_DEADMAN)
    joy.read([], [0, 0, 0, 0, 1], 10.0)
    assert joy.is_held(10.0 + MAX_AGE_S)
    assert not joy.is_held(10.01 + MAX_AGE_S)
    joy.read([], [0, 0, 0, 0, 1], 11.0)
    assert joy.is_held(11.0)
    assert free.is_held(0.0)


def test_a_button_is_pressed_once_however_long_it_is_down() -> None:
    joy = gamepad()
    said = [joy.read([], [down], 0.0) for down in (0, 1, 1, 1, 0, 1)]
    assert [pressed for _, pressed in said] == [(), (Press.GRIPPER,), (), (), (), (Press.GRIPPER,)]


def test_a_button_that_is_down_when_the_node_starts_was_not_pressed() -> None:
    joy = gamepad()
    assert joy.read([], [1], 0.0)[1] == ()
    joy.read([], [0], 0.0)
    assert joy.read([], [1], 0.0)[1] == (Press.GRIPPER,)


def test_a_device_with_fewer_axes_than_named_leaves_them_at_rest() -> None:
    assert gamepad().read([1.0], [0, 0, 0, 0, 1], 0.0)[0].shares == {"y": -1.0}


def test_axes_and_buttons_are_read_from_texts() -> None:
    assert read_axes(["x:1", "y:0:-", ""], TOOL) == (Axis("x", 1), Axis("y", 0, -1.0))
    assert read_buttons(["gripper:0", "success:7"]) == {0: Press.GRIPPER, 7: Press.SUCCESS}


@pytest.mark.parametrize("text", ["x", "x:", "x:a", "w:1", "x:1:*", "x:-1"])
def test_an_axis_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting, match="axis of the gamepad"):
        read_axes([text], TOOL)


@pytest.mark.parametrize("text", ["gripper", "jump:1", "gripper:b"])
def test_a_button_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting, match="button of the gamepad"):
        read_buttons([text])


def test_a_key_moves_one_dimension_at_the_level_of_speed() -> None:
    keys = Keys(TOOL, SpeedLevels([0.25, 1.0]))
    assert keys.read("w") == Steer({"x": 0.25})
    assert keys.read("+") is Press.FASTER
    assert keys.read("e") == Steer({"yaw": -1.0})
    assert keys.read("?") is None


@pytest.mark.parametrize("dimensions", [TOOL, ("a", "b", "c", "d", "e", "f"), (*TOOL, "wrist")])
def test_every_dimension_has_two_keys_of_its_own_that_press_nothing(dimensions: tuple[str, ...]) -> None:
    keys = Keys(dimensions, full_speed())
    moved = {}
    for key in map(chr, range(32, 127)):
        said = keys.read(key)
        if isinstance(said, Steer):
            [(name, share)] = said.shares.items()
            assert moved.setdefault((name, share), key) == key
            assert key not in PRESSES
    assert moved.keys() == {(name, sign) for name in dimensions for sign in (1.0, -1.0)}


def test_more_joints_than_keys_are_refused() -> None:
    with pytest.raises(InvalidSetting, match="take a gamepad"):
        Keys([f"joint_{number}" for number in range(9)], full_speed())


def test_every_key_is_explained() -> None:
    text = "\n".join(Keys(TOOL, full_speed()).lines())
    assert all(word in text for word in WORDS.values())
    assert WORDS.keys() == set(Press) == set(PRESSES.values())


def test_a_space_mouses_velocity_is_a_share_of_what_an_action_moves_in_its_period() -> None:
    steer = Twist(UR5E).read((0.5, -1.0, 9.0), (0.0, 0.0, 3.0), True)
    assert steer.shares == pytest.approx({"x": 0.5, "y": -1.0, "z": 1.0, "yaw": 0.5})


def test_a_velocity_that_is_no_number_moves_nothing() -> None:
    assert Twist(UR5E).read((float("nan"), 0.0, 0.0), (0.0, 0.0, 0.0), True).shares["x"] == 0.0


def test_a_robot_whose_actions_move_joints_is_steered_by_no_space_mouse(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="one that moves the tool"):
        Twist(two_joints(tmp_path))
