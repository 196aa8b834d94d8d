"""A checkpoint for all goals, told one: every engine then samples as for a critic that saw the goal beside the observation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from goal_world import goal_checkpoint, goal_contract
from hypothesis import given, settings
from hypothesis import strategies as st

from qgf_ros.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import FloatArray, Observation
from qgf_ros.errors import InvalidSetting, MissingExtraError, NoGoalError, ShapeMismatch
from qgf_ros.flow.denoise import condition_q
from qgf_ros.flow.guidance import critic_gradient, sloped
from qgf_ros.flow.sampler import SamplerConfig, Slope
from qgf_ros.inference.aim import aimed
from qgf_ros.inference.device import Device
from qgf_ros.inference.engines.aimed import AimedEngine
from qgf_ros.inference.engines.cuda_graph import CudaGraphEngine
from qgf_ros.inference.engines.engine import Engine, EngineConfig, EngineName, Precision, Question
from qgf_ros.inference.engines.make import cpu_networks, make_engine
from qgf_ros.inference.engines.reference import ReferenceEngine
from qgf_ros.inference.engines.torch_engine import TorchEngine
from qgf_ros.inference.export import export_onnx
from qgf_ros.inference.policy import ChunkPolicy, draw_noise
from qgf_ros.networks import Aggregation

FLOAT32 = 2e-5  # sums in another order
GOALS = st.lists(st.floats(-2.0, 2.0, width=32), min_size=3, max_size=3).map(np.array)
HERE, THERE = np.array([0.4, -0.1, 0.02]), np.array([-0.4, 0.3, 0.5])


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return goal_contract(tmp_path_factory.mktemp("contract"))


@pytest.fixture(scope="module")
def checkpoint(contract: Contract) -> Checkpoint:
    return goal_checkpoint(contract)


def seen_with(checkpoint: Checkpoint, observation: torch.Tensor, goal: FloatArray) -> torch.Tensor:
    """Observations (B, O), normalised, with a goal beside each, in the same units."""
    assert checkpoint.interface.goal is not None
    place = checkpoint.interface.slice_of(checkpoint.interface.goal.term)
    units = checkpoint.normalizer
    normal = (goal.astype(np.float32) - units.mean[place]) / units.scale[place]
    return torch.cat([observation, torch.from_numpy(normal).expand(len(observation), -1)], dim=-1)


@given(goal=GOALS, seed=st.integers(0, 99))
@settings(deadline=None, max_examples=25)
def test_a_critic_told_its_goal_judges_as_one_that_sees_it(
    goal: FloatArray, seed: int, checkpoint: Checkpoint
) -> None:
    draw = torch.Generator().manual_seed(seed)
    config = checkpoint.networks.config
    observation = torch.randn(5, config.observation_dim, generator=draw)
    action = torch.rand(5, config.vector_dim, generator=draw) * 2 - 1
    with_goal, told = seen_with(checkpoint, observation, goal), aimed(checkpoint, goal).networks
    for name in ("critic", "target_critic"):
        many, one = getattr(checkpoint.networks, name), getattr(told, name)
        expected = many.q(many.encode(with_goal), action)
        torch.testing.assert_close(
            one.q(one.encode(observation), action), expected, atol=FLOAT32, rtol=FLOAT32
        )
    expected = checkpoint.networks.value.v(with_goal)
    torch.testing.assert_close(told.value.v(observation), expected, atol=FLOAT32, rtol=FLOAT32)


def test_a_goal_changes_no_weight_of_the_policy(checkpoint: Checkpoint) -> None:
    told = aimed(checkpoint, HERE).networks.policy.state_dict()
    for name, value in checkpoint.networks.policy.state_dict().items():
        assert torch.equal(told[name], value)


def question(checkpoint: Checkpoint) -> Question:
    """A guided walk of three candidates."""
    draw = np.random.default_rng(3)
    observation = draw.normal(size=checkpoint.interface.observation_dim).astype(np.float32)
    noise = draw_noise(0, 0, 3, checkpoint.networks.config.vector_dim)
    return Question(observation, noise, SamplerConfig(4, weight=0.3, candidates=3).walk())


def made(name: EngineName, checkpoint: Checkpoint) -> AimedEngine:
    """The engine of that name for all goals."""
    engine: Engine = make_engine(EngineConfig(name), checkpoint, Device.CPU)
    assert isinstance(engine, AimedEngine)
    return engine


@pytest.mark.parametrize("name", [EngineName.TORCH, EngineName.CPU])
@pytest.mark.parametrize("aggregation", Aggregation)
def test_every_engine_samples_for_the_goal_it_was_told_last(
    name: EngineName, aggregation: Aggregation, contract: Contract
) -> None:
    checkpoint = goal_checkpoint(contract, aggregation=aggregation)
    engine, reference = made(name, checkpoint), made(EngineName.REFERENCE, checkpoint)
    answers = []
    for goal in (HERE, THERE, HERE):
        engine.aim(goal)
        reference.aim(goal)
        found, expected = engine.sample(question(checkpoint)), reference.sample(question(checkpoint))
        np.testing.assert_allclose(found.actions, expected.actions, atol=FLOAT32)
        np.testing.assert_allclose(found.scores, expected.scores, atol=FLOAT32)
        answers.append(found.actions)
    assert np.array_equal(answers[0], answers[2])
    assert not np.allclose(answers[0], answers[1], atol=1e-3)


def following_the_probability(checkpoint: Checkpoint) -> Checkpoint:
    """The same, guided by the probability's gradient."""
    return replace(checkpoint, defaults=replace(checkpoint.defaults, slope=Slope.PROBABILITY))


@pytest.mark.parametrize("name", [EngineName.TORCH, EngineName.AUTO, EngineName.ONNX])
def test_guidance_by_the_probability_is_the_specification_s_where_an_engine_has_it(
    name: EngineName, checkpoint: Checkpoint
) -> None:
    told = aimed(following_the_probability(checkpoint), HERE)
    try:
        engine = make_engine(EngineConfig(name), told, Device.CPU)
    except MissingExtraError as error:
        pytest.skip(str(error))
    found, expected = (
        one.sample(question(told)) for one in (engine, ReferenceEngine(told, torch.device("cpu")))
    )
    np.testing.assert_allclose(found.actions, expected.actions, atol=FLOAT32)
    np.testing.assert_allclose(found.scores, expected.scores, atol=FLOAT32)
    assert ((found.scores > 0.0) & (found.scores < 1.0)).all()
    by_logit = ReferenceEngine(aimed(checkpoint, HERE), torch.device("cpu")).sample(question(told))
    assert not np.allclose(by_logit.actions, expected.actions, atol=1e-3)


def test_the_compiled_engine_refuses_the_probability_s_gradient_by_name(checkpoint: Checkpoint) -> None:
    engine = made(EngineName.CPU, following_the_probability(checkpoint))
    with pytest.raises(InvalidSetting, match="logit with engine cpu"):
        engine.aim(HERE)


def test_the_probability_s_slope_is_the_logit_s_times_p_one_minus_p(checkpoint: Checkpoint) -> None:
    told = aimed(checkpoint, HERE).networks.target_critic
    observation = torch.randn(4, checkpoint.networks.config.observation_dim)
    action = torch.rand(4, checkpoint.networks.config.vector_dim)
    q = condition_q(told, observation)
    p = torch.sigmoid(q(action)).unsqueeze(-1)
    torch.testing.assert_close(
        critic_gradient(sloped(q, Slope.PROBABILITY), action), critic_gradient(q, action) * p * (1 - p)
    )
    assert sloped(q, Slope.LOGIT) is q


def test_a_stated_slope_is_saved(checkpoint: Checkpoint, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "goals", following_the_probability(checkpoint))
    assert load_checkpoint(tmp_path / "goals").defaults.slope is Slope.PROBABILITY
    assert "slope" not in checkpoint.defaults.as_mapping()


def test_an_engine_that_knows_no_goal_samples_nothing(checkpoint: Checkpoint) -> None:
    with pytest.raises(NoGoalError, match="knows no goal yet"):
        made(EngineName.AUTO, checkpoint).sample(question(checkpoint))


@pytest.mark.parametrize(
    "make",
    [
        lambda checkpoint: ReferenceEngine(checkpoint, torch.device("cpu")),
        lambda checkpoint: TorchEngine(checkpoint, torch.device("cpu"), Precision.FP32),
        lambda checkpoint: CudaGraphEngine(checkpoint, torch.device("cpu"), Precision.FP32),
        cpu_networks,
    ],
    ids=["reference", "torch", "cuda_graph", "cpu"],
)
def test_an_engine_is_not_made_of_a_critic_that_knows_no_goal(
    make: Callable[[Checkpoint], object], checkpoint: Checkpoint
) -> None:
    with pytest.raises(NoGoalError):
        make(checkpoint)


def test_an_exported_file_is_for_one_goal(checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(NoGoalError, match="An exported file"):
        export_onnx(checkpoint, tmp_path / "policy.onnx")


def test_a_goal_of_another_length_is_refused(checkpoint: Checkpoint) -> None:
    with pytest.raises(ShapeMismatch, match="goal"):
        aimed(checkpoint, np.zeros(2))


def test_a_checkpoint_that_was_told_its_goal_takes_no_other(checkpoint: Checkpoint) -> None:
    with pytest.raises(ShapeMismatch, match="goal"):
        aimed(aimed(checkpoint, HERE), THERE)


def test_a_checkpoint_for_all_goals_is_saved_and_loaded_whole(
    checkpoint: Checkpoint, contract: Contract, tmp_path: Path
) -> None:
    save_checkpoint(tmp_path / "goals", checkpoint)
    loaded = load_checkpoint(tmp_path / "goals", contract.interface)
    for name, value in checkpoint.networks.state_dict().items():
        assert torch.equal(loaded.networks.state_dict()[name], value)
    assert loaded.networks.config == checkpoint.networks.config


def test_a_policy_makes_no_chunk_before_it_knows_a_goal(checkpoint: Checkpoint) -> None:
    engine = made(EngineName.AUTO, checkpoint)
    policy = ChunkPolicy(checkpoint.interface, engine, aim=engine.aim)
    observation = Observation(np.zeros(policy.observation_dim, np.float32), 1)
    walk = SamplerConfig(4, weight=0.3).walk()
    with pytest.raises(NoGoalError, match="A chunk"):
        policy.propose(observation, walk, 0, 0)
    policy.aim(HERE)
    here = policy.propose(observation, walk, 0, 0).chunk.actions
    policy.aim(THERE)
    assert not np.array_equal(policy.propose(observation, walk, 0, 0).chunk.actions, here)
