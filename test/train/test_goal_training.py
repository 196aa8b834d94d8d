"""Critics told goals, learned in hindsight on a world of points: they know what is nearer, and the policy stays as it was."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from goal_world import goal_contract
from small_checkpoints import saved_small

from qgf_ros.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from qgf_ros.contract.schema import Contract, Interface
from qgf_ros.data.dataset import Slice
from qgf_ros.data.relabel import Relabel
from qgf_ros.errors import InvalidSetting
from qgf_ros.evaluate.critic_view import logged_windows
from qgf_ros.evaluate.guidance_weight import Yardstick
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.inference.aim import aimed
from qgf_ros.networks import Aggregation
from qgf_ros.train.config import NetworkSizes, TrainConfig
from qgf_ros.train.goal_loop import GoalTrainer, make_goal_trainer
from qgf_ros.train.goal_update import GoalConfig
from qgf_ros.train.state_file import restore_state, save_state
from qgf_ros.train.together import together
from qgf_ros.train.update import UpdateConfig

STRIDE = 0.1  # m a step, at most
CPU = torch.device("cpu")
CONFIG = TrainConfig(
    relabel=Relabel(),
    steps=400,
    batch_size=128,
    log_every=400,
    networks=NetworkSizes(hidden=(16, 16), aggregation=Aggregation.MEAN),
    update=UpdateConfig(discount=0.9, learning_rate=3e-3, tau=0.02),
    goals=GoalConfig(backup=8),
    policy_from=Path("set by each test"),
)


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return goal_contract(tmp_path_factory.mktemp("contract"))


def walks(interface: Interface, count: int = 30, length: int = 60) -> list[Slice]:
    """A point on a line of 2 m that goes where the first action says; it seeks places for a while, as in free play."""
    assert interface.goal is not None
    random, place = np.random.default_rng(0), interface.slice_of(interface.goal.term)
    observations = np.zeros((count, length, interface.observation_dim), np.float32)
    actions = random.uniform(-1.0, 1.0, (count, length, interface.action_dim)).astype(np.float32)
    x, sought = random.uniform(-1.0, 1.0, count), random.uniform(-1.0, 1.0, count)
    for step in range(length):
        sought = np.where(random.random(count) < 0.1, random.uniform(-1.0, 1.0, count), sought)
        actions[:, step, 0] = np.clip((sought - x) / STRIDE + 0.3 * random.normal(size=count), -1.0, 1.0)
        observations[:, step, place.start] = x
        x = np.clip(x + STRIDE * actions[:, step, 0], -1.0, 1.0)
    ends = np.tile(np.arange(length) == length - 1, count)
    flat = (array.reshape(count * length, -1) for array in (observations, actions))
    return [Slice(Path("walks.npz"), *flat, ends)]


def trainer(contract: Contract, folder: Path, **changes: object) -> GoalTrainer:
    """A run on the points, for the policy of a checkpoint without goals."""
    parent = saved_small(folder / "parent", contract.interface.without_goal, seed=1)
    config = dataclasses.replace(CONFIG, policy_from=parent, **changes)  # type: ignore[arg-type]
    return make_goal_trainer(config, contract.interface, walks(contract.interface), CPU)


@pytest.fixture(scope="module")
def learned(contract: Contract, tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    run = trainer(contract, tmp_path_factory.mktemp("learned"))
    [[metrics]] = list(run.run_all())
    assert 0.0 < metrics["reached_share"] < 1.0
    return run.checkpoint(SamplerDefaults(denoise_steps=4), {})


def at(checkpoint: Checkpoint, x: float, goal: float) -> tuple[Checkpoint, torch.Tensor]:
    """The checkpoint told a goal on the line, and a normalised observation of the point at `x`."""
    interface = checkpoint.interface
    assert interface.goal is not None
    observation = np.zeros((1, interface.observation_dim), np.float32)
    observation[0, interface.slice_of(interface.goal.term).start] = x
    return aimed(checkpoint, np.array([goal, 0.0, 0.0])), torch.from_numpy(
        checkpoint.normalizer.normalise(observation)
    )


def value(checkpoint: Checkpoint, x: float, goal: float) -> float:
    told, observation = at(checkpoint, x, goal)
    return float(torch.sigmoid(told.networks.value.v(observation)))


@pytest.mark.parametrize("goal", [-0.7, 0.0, 0.6])
def test_the_value_orders_places_by_how_near_they_are(learned: Checkpoint, goal: float) -> None:
    away = np.array([0.0, 0.3, 0.8, 1.3])
    side = -1.0 if goal > 0 else 1.0
    values = [value(learned, goal + side * distance, goal) for distance in away]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.8
    assert values[-1] < 0.5


@pytest.mark.parametrize("goal", [-0.6, 0.6])
def test_the_critic_s_slope_points_to_the_goal(learned: Checkpoint, goal: float) -> None:
    told, observation = at(learned, 0.0, goal)
    critic, config = told.networks.target_critic, learned.networks.config
    action = torch.zeros(1, config.vector_dim).requires_grad_()
    [slope] = torch.autograd.grad(critic.q(critic.encode(observation), action).mean(), action)
    first = slope.view(config.horizon, config.action_dim)[:, 0].sum()
    assert float(first) * goal > 0.0


def test_the_policy_stays_bit_by_bit(contract: Contract, tmp_path: Path) -> None:
    run = trainer(contract, tmp_path, steps=3)
    list(run.run_all())
    parent = load_checkpoint(tmp_path / "parent")
    made = run.checkpoint(SamplerDefaults(denoise_steps=4), {})
    for name, tensor in parent.networks.policy.state_dict().items():
        assert torch.equal(made.networks.policy.state_dict()[name], tensor)
    np.testing.assert_array_equal(made.normalizer.mean, parent.normalizer.mean)


def test_a_checkpoint_for_all_goals_is_saved_without_the_critic_of_long_chunks(
    contract: Contract, tmp_path: Path
) -> None:
    run = trainer(contract, tmp_path, steps=2)
    list(run.run_all())
    save_checkpoint(tmp_path / "made", run.checkpoint(SamplerDefaults(denoise_steps=4), {}))
    names = set(load_checkpoint(tmp_path / "made", contract.interface).networks.state_dict())
    assert not any(name.startswith("long_critic") for name in names)


def test_an_interrupted_run_goes_on_to_the_same_result(contract: Contract, tmp_path: Path) -> None:
    whole, first, second = (trainer(contract, tmp_path, steps=steps) for steps in (8, 4, 8))
    list(whole.run_all())
    list(first.run_all())
    save_state(tmp_path / "state", first.state, "run")
    restore_state(tmp_path / "state", second.state, "run")
    list(second.run_all())
    for name, tensor in whole.state.networks.state_dict().items():
        assert torch.equal(second.state.networks.state_dict()[name], tensor)


def test_runs_that_learn_goals_are_not_one_program(contract: Contract, tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="that of a run alone"):
        together([trainer(contract, tmp_path), trainer(contract, tmp_path, seed=1)])


def test_goals_are_learned_for_a_policy_that_is_there() -> None:
    with pytest.raises(InvalidSetting, match="policy_from"):
        dataclasses.replace(CONFIG, policy_from=None)


def test_a_weight_is_measured_over_goals(contract: Contract, learned: Checkpoint) -> None:
    windows = logged_windows(walks(contract.interface), learned, count=32)
    yardstick = Yardstick(learned, windows)
    assert yardstick.pull(yardstick.weight_of(0.3)).strength == pytest.approx(0.3, rel=1e-3)
