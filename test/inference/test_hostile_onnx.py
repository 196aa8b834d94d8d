"""Exported files that somebody changed to harm: refused before ONNX Runtime sees them, and never with another file's help."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import peak_memory
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.schema import Interface
from qgf_ros.errors import CheckpointError, QgfError
from qgf_ros.inference.engines.onnx import OnnxEngine
from qgf_ros.inference.export import export_onnx
from qgf_ros.inference.onnx_file import check_onnx
from test.data.conftest import interface as interface
from test.test_checkpoint import checkpoint as checkpoint

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'qgf_ros[onnx]'")
pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install 'qgf_ros[onnx]'")
onnx_lies = pytest.importorskip("onnx_lies")

Edit = Callable[[onnx.ModelProto], object]


@pytest.fixture
def exported(tmp_path: Path, checkpoint: object) -> Path:
    """A small exported policy."""
    return export_onnx(checkpoint, tmp_path / "policy.onnx").path  # type: ignore[arg-type]


def stored_elsewhere(model: onnx.ModelProto) -> None:
    """As ONNX keeps large weights."""
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret")


def nested(model: onnx.ModelProto) -> None:
    """Loops within loops."""
    graph = model.graph
    for _ in range(40):
        node = graph.node.add(op_type="Loop")
        node.attribute.add(name="body", type=onnx.AttributeProto.GRAPH)
        graph = node.attribute[0].g


def within_a_loop(change: Callable[[onnx.NodeProto], object]) -> Edit:
    """Changes a node that stands inside the graph's loop."""

    def edit(model: onnx.ModelProto) -> None:
        loop = next(node for node in model.graph.node if node.op_type == "Loop")
        change(next(a for a in loop.attribute if a.type == onnx.AttributeProto.GRAPH).g.node[0])

    return edit


CHANGES: dict[str, tuple[Edit, str]] = {
    "weights elsewhere": (stored_elsewhere, "its weights lie in another file"),
    "an operator of others": (
        lambda m: m.graph.node.add(op_type="Add", domain="evil"),
        "needs operators of 'evil'",
    ),
    "an unknown operator": (lambda m: m.graph.node.add(op_type="PyOp"), "has the operator 'PyOp'"),
    "one within a loop": (within_a_loop(lambda node: setattr(node, "domain", "evil")), "operators of 'evil'"),
    "functions": (lambda m: m.functions.add(name="f"), "brings functions or training along"),
    "training": (lambda m: m.training_info.add(), "brings functions or training along"),
    "sparse weights": (lambda m: m.graph.sparse_initializer.add(), "has sparse weights"),
    "loops within loops": (nested, "nested more than 32 deep"),
    "no graph": (lambda m: m.ClearField("graph"), "it has 0 graphs"),
    "an empty graph": (lambda m: m.graph.ClearField("node"), "its graph is empty"),
    "thousands of nodes": (
        lambda m: m.graph.node.extend([onnx.NodeProto(op_type="Add")] * 20_001),
        "more than 20000 nodes",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_graph_that_leads_out_of_its_file_is_refused(exported: Path, name: str) -> None:
    change, message = CHANGES[name]
    model = onnx.load(exported)
    change(model)
    exported.write_bytes(model.SerializeToString())
    with pytest.raises(CheckpointError, match=message):
        OnnxEngine(exported)


METADATA: dict[str, tuple[object, str]] = {
    "max_delay": ([1], r"max_delay is \[1\], but it must be a whole number from 0 to 1000"),
    "provenance": (1, "provenance is 1, but it must be a mapping"),
    "defaults": ({"denoise_steps": 10**9}, "must be a whole number from 1 to 1000"),
}


@pytest.mark.parametrize("key", METADATA)
def test_metadata_of_other_kinds_are_refused(exported: Path, key: str) -> None:
    value, message = METADATA[key]
    model = onnx.load(exported)
    next(entry for entry in model.metadata_props if entry.key == f"qgf_ros.{key}").value = json.dumps(value)
    exported.write_bytes(model.SerializeToString())
    with pytest.raises(CheckpointError, match=message):
        OnnxEngine(exported)


def test_metadata_that_lack_something_are_refused_with_its_name(exported: Path) -> None:
    model = onnx.load(exported)
    kept = [entry for entry in model.metadata_props if entry.key != "qgf_ros.trained_at"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    exported.write_bytes(model.SerializeToString())
    with pytest.raises(CheckpointError, match="its metadata lacks 'trained_at'"):
        OnnxEngine(exported)


def test_a_graph_of_another_length_than_its_interface_is_refused(
    exported: Path, interface: Interface
) -> None:
    model = onnx.load(exported)
    entry = next(entry for entry in model.metadata_props if entry.key == "qgf_ros.interface")
    entry.value = json.dumps(interface.canonical() | {"chunk_length": 2})
    exported.write_bytes(model.SerializeToString())
    with pytest.raises(CheckpointError, match=r"its chunks are \[6\] long, and its interface's 2 or 4"):
        OnnxEngine(exported)


def test_a_graph_that_is_no_sampler_is_refused(exported: Path) -> None:
    model = onnx.load(exported)
    model.graph.input.add().CopyFrom(model.graph.input[0])
    model.graph.input[-1].name = "more"
    exported.write_bytes(model.SerializeToString())
    with pytest.raises(CheckpointError, match="its graph is no sampler of its interface"):
        OnnxEngine(exported)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_graph_or_refused(content: bytes) -> None:
    try:
        check_onnx(Path("policy.onnx"), content)
        sentence = "taken"
    except QgfError as error:
        sentence = str(error)
    assert sentence == "taken" or "it is not what `qgf export` writes" in sentence


@pytest.mark.parametrize("content", [b"\x08", b"\x08" + b"\xff" * 11, b"\x3a\xff\x01", b"\x0b", b"\x38\x01"])
def test_a_damaged_buffer_is_refused(content: bytes) -> None:
    with pytest.raises(CheckpointError, match=r"cut short or damaged|a number stands where"):
        check_onnx(Path("policy.onnx"), content)


def test_metadata_that_are_no_text_are_refused(exported: Path) -> None:
    content = exported.read_bytes()
    place = content.index(b'"steps"')
    exported.write_bytes(content[:place] + b"\xff" * 7 + content[place + 7 :])
    with pytest.raises(CheckpointError, match="its metadata is not text"):
        OnnxEngine(exported)


def test_a_part_that_only_the_runtime_would_see_is_refused(exported: Path) -> None:
    """It looks at 32 bits of a field's number, and ignores the others."""
    exported.write_bytes(onnx_lies.with_hidden_graph(exported.read_bytes(), "Exp"))
    with pytest.raises(CheckpointError, match="cut short or damaged"):
        OnnxEngine(exported)


def test_a_file_that_is_another_model_in_the_runtime_s_own_format_is_not_read_as_one(
    exported: Path, tmp_path: Path
) -> None:
    exported.write_bytes(onnx_lies.as_flatbuffer(exported.read_bytes(), tmp_path))
    check_onnx(exported, exported.read_bytes())  # as ONNX there is nothing wrong with it
    with pytest.raises(CheckpointError, match="ONNX Runtime does not take it"):
        OnnxEngine(exported)


def test_constants_that_double_again_and_again_cost_nothing_when_the_file_is_loaded(exported: Path) -> None:
    exported.write_bytes(onnx_lies.doubling(exported.read_bytes(), times=16))  # 256 MiB at the end
    before = peak_memory.begin()
    OnnxEngine(exported)
    assert peak_memory.most() - before < 64 << 20
