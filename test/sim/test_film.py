"""Pictures and films of recorded episodes."""

from __future__ import annotations

from pathlib import Path

import imageio.v2 as imageio
import numpy as np
import pytest

from qgf_ros.contract.load import load_contract
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.evaluate.drawn_film import draw
from qgf_ros.evaluate.film import FRAMES_PER_S, HEIGHT, REST_S, WIDTH, Take, load_take, replay, write_film
from qgf_ros.evaluate.pictures import Episode, distance, draw_episodes

pytestmark = pytest.mark.sim
TASK = "cube-single-task1"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def take() -> tuple[Take, np.ndarray]:
    """A take of 20 ticks in which the arm goes to the right, and where its joints are in the end."""
    contract = load_contract(ROOT / "config/contracts/ur5e_cube.yaml")
    loop = ClosedLoop(contract, TASK)
    loop.reset(5)
    loop.load(np.tile([0.0, -0.05, 0.0, 0.0, 0.0], (4, 1)), 1)
    rows = [command.positions for _ in range(4) for command in loop.play_action()]
    joints = contract.interface.joints
    made = Take(TASK, 5, joints, contract.tick_ns, np.array(rows), np.zeros((0, 3)))
    return made, loop.simulation.joint_state().positions


def test_a_take_comes_back_as_it_was_saved(take: tuple[Take, np.ndarray], tmp_path: Path) -> None:
    take[0].save(tmp_path / "take.npz")
    loaded = load_take(tmp_path / "take.npz")
    assert (loaded.task, loaded.seed, loaded.joints, loaded.tick_ns) == (TASK, 5, take[0].joints, 10_000_000)
    np.testing.assert_array_equal(loaded.positions, take[0].positions)


def test_a_replay_leads_the_robot_where_the_episode_led_it(take: tuple[Take, np.ndarray]) -> None:
    import qgf_sim

    simulation = qgf_sim.load(TASK)
    assert list(replay(take[0], simulation)) == list(range(21))
    np.testing.assert_array_equal(simulation.joint_state().positions, take[1])


def test_a_film_can_be_drawn_without_a_gl_library(take: tuple[Take, np.ndarray], tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    write_film(draw(take[0]), path)
    with imageio.get_reader(path) as reader:
        assert reader.count_frames() == 5 + round(REST_S * FRAMES_PER_S)
        assert reader.get_data(0).shape == (HEIGHT, WIDTH, 3)
    assert [entry.name for entry in tmp_path.iterdir()] == ["film.mp4"]


def episode(end: float) -> Episode:
    """A thing that goes from 0 to `end` m ahead in a second; the goal is 0.5 m ahead."""
    seconds = np.linspace(0.0, 1.0, 11)
    thing = np.column_stack([seconds, end * seconds, 0 * seconds, 0 * seconds])
    goal = np.array([[0.0, 0.5, 0.0, 0.0]])
    return Episode(0, end == 0.5, thing, goal, np.zeros((0, 4)))


def test_the_distance_is_that_to_the_goal() -> None:
    _, metres = distance(episode(0.5))
    np.testing.assert_allclose(metres, np.linspace(0.5, 0.0, 11), atol=1e-12)


def test_the_picture_shows_every_row(tmp_path: Path) -> None:
    path = tmp_path / "episodes.png"
    draw_episodes({"unguided": [episode(0.2)], "guided": [episode(0.5), episode(0.4)]}, "title", path, 0.04)
    picture = imageio.imread(path)
    colours = {tuple(colour) for colour in picture[..., :3].reshape(-1, 3)}
    assert {(0x1B, 0x7F, 0x5C), (0xC2, 0x51, 0x3A)} <= colours
