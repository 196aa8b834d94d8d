"""What engine cpu promises beyond the law of all engines (test_engines.py): levels, threads, memory, a missing library."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from engine_cases import GOLDEN, assert_same, golden_checkpoint, make_case, random_checkpoint
from needs import needs_library

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.errors import InvalidSetting, MissingKernelError, ShapeMismatch
from qgf_ros.flow.sampler import Estimator
from qgf_ros.inference.engines import make
from qgf_ros.inference.engines.cpu import CpuEngine
from qgf_ros.inference.engines.engine import Engine, EngineConfig, EngineName, Precision, Sample
from qgf_ros.inference.engines.make import cpu_networks, make_engine
from qgf_ros.inference.engines.native import library
from qgf_ros.inference.engines.native.arrays import embed
from qgf_ros.inference.engines.reference import ReferenceEngine
from qgf_ros.layers import TimeEmbedding
from qgf_ros.networks import Aggregation, NetworkConfig

LEVELS = ("avx512", "avx2", "portable")
ODD = (  # widths that are no multiple of 16, 32 or 128, below and above them
    NetworkConfig(5, 3, 3, (7,), num_critics=1),
    NetworkConfig(6, 2, 5, (50, 33, 130), num_critics=3),
    NetworkConfig(9, 5, 7, (200, 300), num_critics=8, aggregation=Aggregation.MEAN),
    NetworkConfig(4, 3, 3, (1, 257, 31)),
)


@cache
def odd_checkpoint(which: int) -> Checkpoint:
    """Random networks of odd widths."""
    return random_checkpoint(ODD[which], seed=which)


def cpu(
    checkpoint: Checkpoint, level: str = "", threads: int = 1, precision: Precision = Precision.FP32
) -> CpuEngine:
    """Engine cpu at a level; skips where this machine has not got it."""
    if level and not library.load_library().qgf_level(level.encode()):
        pytest.skip(f"needs a processor with {level}, which this one has not: nothing to install would help")
    return CpuEngine(cpu_networks(checkpoint), EngineConfig(precision=precision, threads=threads), level)


def reference(checkpoint: Checkpoint) -> ReferenceEngine:
    """The specification."""
    return ReferenceEngine(checkpoint, torch.device("cpu"))


def assert_identical(found: Sample, expected: Sample) -> None:
    """Bit by bit."""
    np.testing.assert_array_equal(found.actions, expected.actions)
    np.testing.assert_array_equal(found.scores, expected.scores)
    for name in ("best", "q_first", "guidance_norm", "steps"):
        np.testing.assert_array_equal(vars(found)[name], vars(expected)[name])


@needs_library
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("which", range(len(ODD)))
def test_every_level_gives_the_specification_at_any_width(which: int, level: str) -> None:
    engine, specification = cpu(odd_checkpoint(which), level), reference(odd_checkpoint(which))
    for estimator, candidates, with_prefix in product(Estimator, (1, 3, 16), (False, True)):
        case = make_case(ODD[which], which, estimator, candidates, 3, with_prefix)
        assert_same(case.ask(engine), case.ask(specification))


@needs_library
@pytest.mark.parametrize("level", LEVELS)
def test_bfloat16_is_the_same_at_every_level_and_only_rounds_weights(level: str) -> None:
    checkpoint = random_checkpoint(ODD[1], seed=1)
    rounded = random_checkpoint(ODD[1], seed=1)
    for name, parameter in rounded.networks.named_parameters():
        if ".hidden." in name and ".hidden.0." not in name and name.endswith("kernel"):
            parameter.copy_(parameter.bfloat16())
    engine = cpu(checkpoint, level, precision=Precision.BF16)
    for estimator, candidates in product(Estimator, (1, 2, 16)):
        case = make_case(ODD[1], 4, estimator, candidates)
        assert_same(case.ask(engine), case.ask(reference(rounded)))


@needs_library
@pytest.mark.parametrize("name", GOLDEN)
def test_bfloat16_moves_golden_chunks_by_less_than_two_hundredths(name: str) -> None:
    checkpoint = golden_checkpoint(name)
    rough, fine = cpu(checkpoint, precision=Precision.BF16), cpu(checkpoint)
    for seed in range(5):
        case = make_case(checkpoint.networks.config, seed, Estimator.ONE_STEP, candidates=4)
        assert np.abs(case.ask(rough).actions - case.ask(fine).actions).max() <= 2e-2


@needs_library
@pytest.mark.parametrize("precision", Precision)
@pytest.mark.parametrize("threads", [2, 3, 8])
def test_the_number_of_threads_does_not_change_a_bit(threads: int, precision: Precision) -> None:
    for which in range(len(ODD)):
        one = cpu(odd_checkpoint(which), precision=precision)
        several = cpu(odd_checkpoint(which), threads=threads, precision=precision)
        for estimator, candidates in product(Estimator, (1, 5)):
            case = make_case(ODD[which], 7, estimator, candidates, 2, with_prefix=True)
            assert_identical(case.ask(several), case.ask(one))


@needs_library
def test_asking_between_steps_does_not_change_a_bit() -> None:
    engine = cpu(odd_checkpoint(1))
    case = make_case(ODD[1], 2, Estimator.ONE_STEP_JACOBIAN, candidates=3, steps=5)
    assert_identical(replace(case, ends_after=5).ask(engine), case.ask(engine))


@needs_library
def test_a_call_leaves_nothing_behind() -> None:
    engine = cpu(odd_checkpoint(1), threads=2)
    cases = [
        make_case(ODD[1], seed, estimator, candidates, 1 + seed, with_prefix=seed % 2 == 0)
        for seed, (estimator, candidates) in enumerate(product(Estimator, (1, 4)))
    ]
    fresh = [case.ask(cpu(odd_checkpoint(1))) for case in cases]
    for _ in range(2):
        for case, expected in zip(cases, fresh, strict=True):
            assert_identical(case.ask(engine), expected)


@needs_library
def test_not_even_a_number_that_is_none_stays_behind() -> None:
    engine = cpu(odd_checkpoint(1))
    case = make_case(ODD[1], 1, Estimator.ONE_STEP_JACOBIAN, candidates=2)
    expected = case.ask(engine)
    broken = replace(case, observation=np.full_like(case.observation, np.nan))
    assert np.isnan(broken.ask(engine).scores).all()
    assert_identical(case.ask(engine), expected)


@needs_library
def test_memory_grows_with_the_largest_question_and_not_with_their_number() -> None:
    engine = cpu(odd_checkpoint(1), threads=2)
    cases = [make_case(ODD[1], n, Estimator.ONE_STEP, n, steps=3) for n in (8, 1, 4)]
    cases[0].ask(engine)
    held = engine.held_bytes
    for case in cases * 3:
        case.ask(engine)
    assert engine.held_bytes == held
    make_case(ODD[1], 0, Estimator.ONE_STEP, candidates=9).ask(engine)
    assert engine.held_bytes > held


@needs_library
def test_each_weight_is_held_once() -> None:
    config = NetworkConfig(4, 2, 4, (256, 256, 256))
    checkpoint = random_checkpoint(config, seed=0)
    kernels = sum(
        value.numel() * 4
        for name, value in checkpoint.networks.state_dict().items()
        if name.startswith(("policy", "target_critic"))
    )
    assert kernels <= cpu(checkpoint).held_bytes < 1.2 * kernels
    assert cpu(checkpoint, precision=Precision.BF16).held_bytes < 0.7 * kernels


def spin() -> None:
    """Keeps a core busy until it is killed."""
    while True:
        pass


@contextmanager
def busy_cores(count: int) -> Iterator[None]:
    """Other processes that want every core."""
    hogs = [multiprocessing.get_context("spawn").Process(target=spin, daemon=True) for _ in range(count)]
    for hog in hogs:
        hog.start()
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.join()


@needs_library
def test_two_threads_stay_right_while_others_take_the_cores() -> None:
    engine = cpu(odd_checkpoint(2), threads=2)
    case = make_case(ODD[2], 3, Estimator.ONE_STEP, candidates=2)
    expected = case.ask(engine)
    with busy_cores(2):
        for _ in range(100):
            assert_identical(case.ask(engine), expected)


@needs_library
def test_many_engines_come_and_go() -> None:
    case = make_case(ODD[0], 1, Estimator.ONE_STEP, candidates=1)
    expected = case.ask(cpu(odd_checkpoint(0)))
    for _ in range(50):
        assert_identical(case.ask(cpu(odd_checkpoint(0), threads=3)), expected)


def test_times_are_embedded_as_in_training() -> None:
    times = np.linspace(0.0, 1.0, 401)
    expected = TimeEmbedding()(torch.from_numpy(times.astype(np.float32))).numpy()
    # 1e-6: two libraries round the cosine of an angle of up to 10000 rad in their own ways
    np.testing.assert_allclose(embed(times), expected, rtol=0.0, atol=1e-6)


def test_a_missing_library_is_told_in_one_sentence_and_engine_torch_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MissingKernelError, match=r"install a C\+\+ compiler"):
        library.load_library(tmp_path)
    monkeypatch.setattr(make, "CpuEngine", lambda *_: library.load_library(tmp_path))
    engine: Engine = make_engine(EngineConfig(EngineName.CPU), odd_checkpoint(0))
    assert engine.description.startswith("torch")
    assert "it was not built" in engine.description
    case = make_case(ODD[0], 1, Estimator.ONE_STEP, candidates=2)
    assert_same(case.ask(engine), case.ask(reference(odd_checkpoint(0))))


@needs_library
def test_a_file_that_is_no_library_is_told_in_one_sentence(tmp_path: Path) -> None:
    built = next(library.FOLDER.glob("kernel.*.so"))
    (tmp_path / built.name).write_text("no library")
    with pytest.raises(MissingKernelError, match="cannot be loaded"):
        library.load_library(tmp_path)


@needs_library
def test_the_named_engine_is_made() -> None:
    engine = make_engine(EngineConfig(EngineName.CPU, Precision.BF16, threads=2), odd_checkpoint(0))
    assert engine.description.startswith("cpu (bf16, ")
    assert engine.description.endswith("2 threads)")


@needs_library
def test_wrong_settings_and_sizes_are_refused() -> None:
    networks = cpu_networks(odd_checkpoint(0))
    with pytest.raises(InvalidSetting, match="threads"):
        CpuEngine(networks, EngineConfig(threads=0))
    with pytest.raises(InvalidSetting, match="level"):
        CpuEngine(networks, EngineConfig(), "avx1024")
    case = make_case(ODD[0], 0, Estimator.ONE_STEP, candidates=2)
    with pytest.raises(ShapeMismatch, match="observation"):
        replace(case, observation=case.observation[1:]).ask(cpu(odd_checkpoint(0)))
    with pytest.raises(ShapeMismatch, match="noise"):
        replace(case, noise=case.noise[1:]).ask(cpu(odd_checkpoint(0)))
    narrow = {
        **networks.weights,
        "policy.layers.out.kernel": networks.weights["policy.layers.out.kernel"][1:],
    }
    with pytest.raises(ShapeMismatch, match="kernel"):
        CpuEngine(replace(networks, weights=narrow), EngineConfig())


@needs_library
def test_a_longer_delay_than_trained_is_refused() -> None:
    config = NetworkConfig(8, 2, 6, (32,), max_delay=2)
    case = make_case(replace(config, max_delay=5), 1, Estimator.ONE_STEP, 1, with_prefix=True)
    assert case.prefix is not None
    with pytest.raises(InvalidSetting, match="at most 2"):
        replace(case, prefix=replace(case.prefix, delay=3)).ask(cpu(random_checkpoint(config, seed=1)))
