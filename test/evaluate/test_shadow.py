"""A candidate beside its parent on logged observations: an honest one passes, planted ones do not."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from point_world import CONFIG, SHUFFLED, episodes, learned, with_critic

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.contract.schema import Interface
from qgf_ros.data.chunks import Windows
from qgf_ros.data.relabel import Labelled
from qgf_ros.data.steps_to_goal import NEVER, with_steps_to_goal
from qgf_ros.datatypes import FloatArray
from qgf_ros.errors import InterfaceMismatchError
from qgf_ros.evaluate.critic_view import (
    ceiling,
    logged_steps_to_goal,
    logged_windows,
    unguided_chunks,
    view,
)
from qgf_ros.evaluate.shadow import Bounds, look, rank_correlation
from test.data.conftest import interface as interface


@dataclasses.dataclass(frozen=True)
class World:
    """A parent, one of its kind from other walks, one from shuffled rewards, and walks that none has seen."""

    parent: Checkpoint
    honest: Checkpoint
    shuffled: Checkpoint
    windows: Windows
    steps_to_goal: FloatArray


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Trained once for all tests."""
    small: Interface = interface.__wrapped__()
    folder = tmp_path_factory.mktemp("walks")
    parent = learned(episodes(folder, small, 0), small)
    honest = learned(episodes(folder, small, 1), small, dataclasses.replace(CONFIG, seed=1))
    shuffled = learned(episodes(folder, small, 2), small, dataclasses.replace(SHUFFLED, seed=1))
    walks = episodes(folder, small, 3)
    steps = logged_steps_to_goal(walks, parent, CONFIG.relabel)
    return World(parent, honest, shuffled, logged_windows(walks, parent), steps)


def problems(candidate: Checkpoint, world: World) -> str:
    return "; ".join(look(candidate, world.parent, world.windows).problems(Bounds()))


def test_a_critic_that_learned_the_same_from_other_data_passes(world: World) -> None:
    assert problems(world.honest, world) == ""


def test_the_parent_itself_passes_with_full_agreement(world: World) -> None:
    found = look(world.parent, world.parent, world.windows)
    assert found.problems(Bounds()) == []
    assert (found.spread, found.slope) == (1.0, 1.0)
    assert found.across == pytest.approx(1.0)
    assert found.within == pytest.approx(1.0)


def test_a_critic_with_its_sign_flipped_is_refused(world: World) -> None:
    assert "ranks logged chunks as the parent does with -" in problems(with_critic(world.parent, -1.0), world)


@pytest.mark.parametrize("factor", [10.0, 0.1])
def test_a_critic_of_another_scale_is_refused(world: World, factor: float) -> None:
    assert "spread of Q is" in problems(with_critic(world.parent, factor), world)


def test_a_critic_of_shuffled_rewards_is_refused(world: World) -> None:
    assert "ranks" in problems(world.shuffled, world)


def test_a_critic_that_says_the_same_of_everything_is_refused(world: World) -> None:
    assert "ranks logged chunks as the parent does with +0.00" in problems(
        with_critic(world.parent, 0.0), world
    )


def test_values_that_are_no_numbers_are_refused(world: World) -> None:
    broken = with_critic(world.parent, float("nan"))
    assert problems(broken, world) == "its chunks or values are not finite"


def test_a_policy_at_the_ends_of_its_range_is_refused(world: World) -> None:
    wild = dataclasses.replace(
        world.parent, defaults=dataclasses.replace(world.parent.defaults, guidance_weight=1e4)
    )
    assert "lie at an end of their range" in problems(wild, world)


def told(candidate: Checkpoint, parent: Checkpoint, world: World) -> str:
    """The problems, where it is known how soon the goal followed."""
    return "; ".join(look(candidate, parent, world.windows, world.steps_to_goal).problems(Bounds()))


def test_a_critic_that_knows_what_happened_passes_beside_a_parent_that_does_not(world: World) -> None:
    """As on a robot that has changed since the parent learned."""
    wrong = with_critic(world.parent, -1.0)
    alone = "; ".join(look(world.honest, wrong, world.windows).problems(Bounds()))
    assert "it ranks logged chunks as the parent does" in alone
    assert "too few to say whether it knows better" in alone
    assert told(world.honest, wrong, world) == ""


@pytest.mark.parametrize("name", ["flipped", "shuffled"])
def test_a_planted_critic_is_refused_also_where_it_is_known_what_happened(world: World, name: str) -> None:
    planted = {"flipped": with_critic(world.parent, -1.0), "shuffled": world.shuffled}[name]
    assert "nor does it rank logged chunks by how soon the goal followed" in told(
        planted, world.parent, world
    )


def test_steps_to_the_goal_count_down_within_an_episode_and_end_with_it(
    tmp_path: Path, interface: Interface
) -> None:
    (walk,) = episodes(tmp_path, interface, 7, count=6, length=12)
    (found,) = with_steps_to_goal([walk], interface, CONFIG.relabel)
    reached, _ = CONFIG.relabel.label(interface, Labelled("walks", walk.observations, walk.terminals))
    assert found.rewards is not None
    steps = found.rewards
    np.testing.assert_array_equal(steps == 0.0, reached)
    going = ~reached & ~walk.terminals & (steps < NEVER)
    np.testing.assert_array_equal(steps[:-1][going[:-1]], steps[1:][going[:-1]] + 1.0)
    np.testing.assert_array_equal(steps[walk.terminals & ~reached], NEVER)


def test_a_candidate_of_another_interface_is_refused(world: World) -> None:
    other = dataclasses.replace(world.parent.interface, control_period_s=0.2)
    with pytest.raises(InterfaceMismatchError, match="The candidate was made for interface"):
        look(dataclasses.replace(world.parent, interface=other), world.parent, world.windows)


def test_the_best_of_many_is_the_ceiling_of_one(world: World) -> None:
    found = ceiling(view(world.parent, world.windows, unguided_chunks(world.parent, world.windows)))
    assert found["q_unguided"] < found["q_best_of_32"]


def test_a_look_changes_no_weights(world: World) -> None:
    before = {name: value.clone() for name, value in world.honest.networks.state_dict().items()}
    look(world.honest, world.parent, world.windows)
    assert all(torch.equal(value, before[name]) for name, value in world.honest.networks.state_dict().items())


def test_rank_correlation_of_opposites_is_minus_one_and_of_a_constant_nothing() -> None:
    values = np.array([3.0, 1.0, 2.0])
    assert rank_correlation(values, -values) == pytest.approx(-1.0)
    assert rank_correlation(values, np.zeros(3)) == 0.0
