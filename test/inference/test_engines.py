"""The law of all engines: whatever is asked, they give the sample of the specification."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from engine_cases import GOLDEN, SHAPES, assert_same, golden_checkpoint, make_case, random_checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.errors import InvalidSetting, MissingExtraError
from qgf_ros.flow.prefix import Prefix
from qgf_ros.flow.sampler import Estimator
from qgf_ros.inference.device import Device
from qgf_ros.inference.engines.cuda_graph import CudaGraphEngine
from qgf_ros.inference.engines.engine import Engine, EngineConfig, EngineName, Precision
from qgf_ros.inference.engines.make import make_engine
from qgf_ros.inference.engines.reference import ReferenceEngine
from qgf_ros.inference.engines.torch_engine import TorchEngine

CPU = torch.device("cpu")
ENGINES = ("torch", "cpu", "onnx", "cuda_graph")
NETWORKS = (*GOLDEN, *range(len(SHAPES)))


@cache
def checkpoint(which: str | int) -> Checkpoint:
    """A golden checkpoint by name, a random one by the number of its shape."""
    return (
        golden_checkpoint(which) if isinstance(which, str) else random_checkpoint(SHAPES[which], seed=which)
    )


@cache
def engine(name: str, which: str | int) -> Engine:
    """An engine by name, on a checkpoint."""
    if name == "reference":
        return ReferenceEngine(checkpoint(which), CPU)
    return compiled(name, checkpoint(which))


def compiled(name: str, of: Checkpoint) -> Engine:
    """An engine that is held to the specification. Engine cuda_graph runs unrecorded: the same functions."""
    if name == "cuda_graph":
        return CudaGraphEngine(of, CPU, Precision.FP32)
    try:
        made = make_engine(EngineConfig(EngineName(name)), of, Device.CPU)
    except MissingExtraError as error:  # says which extra to install
        pytest.skip(str(error))
    if not made.description.startswith(name):  # another stands in, and says what to install
        pytest.skip(f"engine {name} is not installed: {made.description}")
    return made


@pytest.mark.parametrize("which", NETWORKS)
@pytest.mark.parametrize("name", ENGINES)
@settings(max_examples=15)
@given(
    estimator=st.sampled_from(Estimator),
    candidates=st.sampled_from([1, 4, 16]),
    steps=st.integers(1, 5),
    with_prefix=st.booleans(),
    ends_after=st.one_of(st.none(), st.integers(1, 5)),
    seed=st.integers(0, 2**20),
)
def test_an_engine_gives_the_sample_of_the_specification(
    name: str,
    which: str | int,
    estimator: Estimator,
    candidates: int,
    steps: int,
    with_prefix: bool,
    ends_after: int | None,
    seed: int,
) -> None:
    config = checkpoint(which).networks.config
    case = make_case(config, seed, estimator, candidates, steps, with_prefix, ends_after)
    assert_same(case.ask(engine(name, which)), case.ask(engine("reference", which)))


@pytest.mark.parametrize("name", ENGINES)
def test_equal_minima_share_the_gradient_as_autograd_has_it(name: str) -> None:
    twins = random_checkpoint(SHAPES[0], seed=3)
    with torch.no_grad():
        for parameter in twins.networks.target_critic.parameters():
            parameter[1] = parameter[0]
    case = make_case(SHAPES[0], 3, Estimator.ONE_STEP, candidates=4)
    assert_same(case.ask(compiled(name, twins)), case.ask(ReferenceEngine(twins, CPU)))


@pytest.mark.parametrize("which", NETWORKS)
@pytest.mark.parametrize("kind", [TorchEngine, CudaGraphEngine])
def test_bfloat16_moves_a_chunk_by_less_than_two_hundredths(
    kind: type[TorchEngine | CudaGraphEngine], which: str | int
) -> None:
    rough = kind(checkpoint(which), CPU, Precision.BF16)
    case = make_case(checkpoint(which).networks.config, 5, Estimator.ONE_STEP, candidates=4)
    found, expected = case.ask(rough), case.ask(engine("reference", which))
    assert np.abs(found.actions - expected.actions).max() <= 2e-2


def test_a_policy_that_is_told_takes_no_longer_prefix_than_it_was_trained_with() -> None:
    told = next(number for number, shape in enumerate(SHAPES) if shape.max_delay)
    config = SHAPES[told]
    case = make_case(config, 5, Estimator.ONE_STEP, candidates=1)
    committed = np.zeros((config.horizon, config.action_dim), np.float32)
    delay = config.max_delay + 1
    mask = (np.arange(config.horizon) < delay).astype(np.float32)
    too_long = replace(case, prefix=Prefix(committed, mask, delay))
    for name in ("reference", *ENGINES):
        with pytest.raises(InvalidSetting, match=f"at most {config.max_delay}, the longest that this policy"):
            too_long.ask(engine(name, told))
