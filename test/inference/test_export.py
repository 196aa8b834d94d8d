"""`qgf export`: what the file holds, what it is refused for, and that it runs where there is no torch."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from engine_cases import SHAPES, TOLERANCE, assert_same, interface_of, make_case, random_checkpoint

from qgf_ros.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from qgf_ros.cli.main import main
from qgf_ros.datatypes import Observation
from qgf_ros.errors import (
    CheckpointError,
    ExportDiffersError,
    InterfaceMismatchError,
    InvalidSetting,
    MissingFileError,
    MissingProviderError,
)
from qgf_ros.evaluate.rollouts import make_policy
from qgf_ros.flow.sampler import Estimator, SamplerConfig
from qgf_ros.inference.device import Device
from qgf_ros.inference.engines.engine import EngineConfig, EngineName, Precision
from qgf_ros.inference.engines.onnx import OnnxEngine
from qgf_ros.inference.engines.opened import open_policy
from qgf_ros.inference.export import differences, export_onnx
from qgf_ros.inference.exported import ESTIMATORS

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'qgf_ros[onnx]'")
pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install 'qgf_ros[onnx]'")

ROOT = Path(__file__).parents[2]
CONFIG = SHAPES[0]
SAMPLER = SamplerConfig(denoise_steps=5, weight=0.3, candidates=4)
WITHOUT = """
import builtins, sys
refused, ordinary = sys.argv[1], builtins.__import__
def without(name, *rest, **more):
    if name.split(".")[0] == refused:
        raise ImportError(f"No module named {refused!r}")
    return ordinary(name, *rest, **more)
builtins.__import__ = without
"""


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return random_checkpoint(CONFIG, seed=1)


@pytest.fixture(scope="module")
def folder(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint's folder."""
    path = tmp_path_factory.mktemp("checkpoints") / "tiny"
    save_checkpoint(path, checkpoint)
    return path


@pytest.fixture(scope="module")
def exported(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the command writes."""
    path = tmp_path_factory.mktemp("out") / "tiny.onnx"
    assert main(["export", str(folder), "--format", "onnx", "--output", str(path)]) == 0
    return path


def without(package: str, code: str) -> str:
    """What `code` prints in an interpreter that refuses to import a package."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "bench")])
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + code, package],
        capture_output=True,
        text=True,
        timeout=120.0,
        env=os.environ | {"PYTHONPATH": paths},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_says_by_how_much_the_file_differs(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "figures.json"
    assert main(["export", str(folder), "--output", str(tmp_path / "a.onnx"), "--json", str(figures)]) == 0
    found = json.loads(figures.read_text())
    assert 0.0 <= found["error"] <= found["tolerance"] == TOLERANCE
    assert f"differ by at most {found['error']:.1e}" in capsys.readouterr().out


def test_the_file_is_valid_and_tells_a_reader_without_us_what_it_needs(
    exported: Path, checkpoint: Checkpoint
) -> None:
    model = onnx.load(exported)
    onnx.checker.check_model(model, full_check=True)
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert told["qgf_ros.interface_digest"] == checkpoint.interface.digest
    assert json.loads(told["qgf_ros.interface"]) == checkpoint.interface.canonical()
    assert json.loads(told["qgf_ros.defaults"])["estimator"] == checkpoint.defaults.estimator.value
    assert json.loads(told["qgf_ros.estimators"]) == [estimator.value for estimator in ESTIMATORS]
    assert json.loads(told["qgf_ros.provenance"]) == checkpoint.provenance
    assert [entry.name for entry in model.graph.output][:3] == ["actions", "scores", "best"]


def test_the_file_gives_back_what_the_checkpoint_says_of_itself(
    exported: Path, checkpoint: Checkpoint
) -> None:
    found = OnnxEngine(exported).exported
    assert found.interface == checkpoint.interface
    assert (found.defaults, found.grid) == (checkpoint.defaults, checkpoint.grid)


def test_each_weight_is_in_the_file_once(exported: Path, checkpoint: Checkpoint) -> None:
    networks = checkpoint.networks
    used = [*networks.policy.parameters(), *networks.target_critic.parameters()]
    graph = 64_000  # nodes and metadata, whatever the networks' size
    assert exported.stat().st_size < 4 * sum(parameter.numel() for parameter in used) + graph


@pytest.mark.parametrize("estimator", Estimator)
def test_step_by_step_is_the_same_as_in_one_call(exported: Path, estimator: Estimator) -> None:
    engine = OnnxEngine(exported)
    case = make_case(CONFIG, 4, estimator, candidates=4, with_prefix=True)
    assert_same(dataclasses.replace(case, ends_after=99).ask(engine), case.ask(engine))


def test_an_exported_policy_is_sampled_where_there_is_no_torch(
    exported: Path, checkpoint: Checkpoint
) -> None:
    code = f"""
from pathlib import Path
import numpy as np
from sized_interface import interface_of_sizes
from qgf_ros.datatypes import Observation
from qgf_ros.flow.sampler import SamplerConfig
from qgf_ros.inference.engines.engine import EngineConfig
from qgf_ros.inference.engines.opened import open_policy
from qgf_ros.inference.policy import ChunkPolicy
interface = interface_of_sizes({CONFIG.observation_dim}, {CONFIG.action_dim}, {CONFIG.horizon})
opened = open_policy(EngineConfig(), Path({str(exported)!r}), interface)
observation = Observation(np.linspace(-1, 1, interface.observation_dim, dtype=np.float32), 0)
walk = SamplerConfig(denoise_steps=5, weight=0.3, candidates=4).walk()
proposal = ChunkPolicy(interface, opened.engine).propose(observation, walk, seed=7, index=0)
assert "torch" not in sys.modules
print(proposal.chunk.actions.tolist())
"""
    observation = Observation(np.linspace(-1, 1, CONFIG.observation_dim, dtype=np.float32), 0)
    reference = make_policy(checkpoint, EngineConfig(EngineName.REFERENCE))
    expected = reference.propose(observation, SAMPLER.walk(), seed=7, index=0).chunk.actions
    found = np.array(json.loads(without("torch", code)))
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        (EngineConfig(EngineName.CPU), "engine is 'cpu', but it must be onnx or auto for the exported file"),
        (EngineConfig(EngineName.ONNX, Precision.BF16), "precision is 'bf16', but it must be fp32"),
    ],
)
def test_an_exported_policy_refuses_what_it_cannot_do(
    exported: Path, engine: EngineConfig, words: str
) -> None:
    with pytest.raises(InvalidSetting, match=words):
        open_policy(engine, exported, interface_of(CONFIG))


def test_engine_onnx_takes_a_folder_too_and_exports_it_first(folder: Path, checkpoint: Checkpoint) -> None:
    opened = open_policy(EngineConfig(EngineName.ONNX), folder, checkpoint.interface)
    case = make_case(CONFIG, 4, Estimator.ONE_STEP, candidates=4)
    assert_same(case.ask(opened.engine), case.ask(make_policy(checkpoint).engine))


def test_a_folder_is_opened_with_what_it_says_of_itself(folder: Path, checkpoint: Checkpoint) -> None:
    opened = open_policy(EngineConfig(EngineName.TORCH), folder, checkpoint.interface)
    assert (opened.defaults, opened.grid) == (checkpoint.defaults, checkpoint.grid)


def test_a_policy_of_another_interface_is_refused(exported: Path) -> None:
    with pytest.raises(InterfaceMismatchError, match="control_period_s"):
        open_policy(EngineConfig(), exported, dataclasses.replace(interface_of(CONFIG), control_period_s=0.2))


def test_a_device_that_onnx_runtime_lacks_is_refused(exported: Path) -> None:
    with pytest.raises(MissingProviderError, match="Device tensorrt is asked for, but the installed ONNX"):
        open_policy(EngineConfig(), exported, interface_of(CONFIG), Device.TENSORRT)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"no file .*nothing\.onnx"):
        OnnxEngine(tmp_path / "nothing.onnx")


def test_a_file_that_is_no_graph_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no graph")
    with pytest.raises(CheckpointError, match="it is cut short or damaged"):
        OnnxEngine(path)


def test_a_graph_that_is_not_ours_is_refused(exported: Path, tmp_path: Path) -> None:
    model = onnx.load(exported)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    with pytest.raises(CheckpointError, match="`qgf export` did not write it"):
        OnnxEngine(tmp_path / "foreign.onnx")


def test_without_onnx_runtime_the_extra_is_named(exported: Path) -> None:
    code = f"""
from pathlib import Path
from qgf_ros.errors import MissingExtraError
from qgf_ros.inference.engines.onnx import OnnxEngine
try:
    OnnxEngine(Path({str(exported)!r}))
except MissingExtraError as error:
    print(error)
"""
    assert "pip install 'qgf_ros[onnx]'" in without("onnxruntime", code)


def test_a_file_that_answers_otherwise_never_takes_the_older_ones_place(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "policy.onnx"
    path.write_bytes(b"older")
    monkeypatch.setattr("qgf_ros.inference.export.TOLERANCE", 0.0)
    with pytest.raises(ExportDiffersError, match="was not written"):
        export_onnx(checkpoint, path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["policy.onnx"]
    assert path.read_bytes() == b"older"


def test_the_check_sees_a_policy_that_differs(exported: Path, folder: Path) -> None:
    other = random_checkpoint(CONFIG, seed=2)
    same = make_policy(load_checkpoint(folder)).engine
    assert max(differences(OnnxEngine(exported), same, CONFIG)) <= TOLERANCE
    assert max(differences(OnnxEngine(exported), make_policy(other).engine, CONFIG)) > 0.1


def test_the_output_must_be_an_onnx_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(folder), "--output", "policy.bin"]) == 2
    assert "a file whose name ends in .onnx" in capsys.readouterr().err
