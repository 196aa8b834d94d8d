"""Looks through an ONNX file before ONNX Runtime does: nothing in it leads out of it. Needs no onnx.

An ONNX file is a protocol buffer: fields of a number, a kind and a value, messages within messages. Read here are only those
that may name other files, other people's operators, or graphs in which these may hide.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from qgf_ros.bounds import DEPTH, OPERATIONS
from qgf_ros.errors import CheckpointError

# Numbers of fields in onnx.proto (version 1 of the format).
_MODEL_GRAPH, _MODEL_TRAINING, _MODEL_FUNCTIONS = 7, 20, 25
_GRAPH_NODE, _GRAPH_WEIGHT, _GRAPH_SPARSE = 1, 5, 15
_NODE_ATTRIBUTE, _NODE_OPERATOR, _NODE_DOMAIN = 5, 4, 7
_ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE = (5, 10), (6, 11), (22, 23)
_TENSOR_EXTERNAL, _TENSOR_LOCATION = 13, 14
OWN_DOMAINS = ("", "ai.onnx")
_NAMES = (
    "Abs Add And ArgMax Cast Clip Concat Constant Cos Div Equal Gather Gemm Greater Identity If LayerNormalization LessOrEqual Loop "
    "MatMul Max Min Mul Not ReduceL2 ReduceMax ReduceMean ReduceSum Round Sigmoid Sin Size Slice Squeeze Sub Sum Tanh Transpose "
    "Unsqueeze Where"
)
OPERATORS = frozenset(_NAMES.split())
"""What `qgf export` writes. What a graph of these computes, and for how long, nothing here bounds: docs/isolating.md."""

Bytes = memoryview


class _Broken(ValueError):
    """Not what a protocol buffer looks like, or something that leads out of it."""


def check_onnx(path: Path, content: bytes) -> None:
    """Returns where the file holds nothing but a graph of known operators with its weights in it.

    Raises:
        CheckpointError: it is no ONNX file, keeps weights in other files, or has operators, functions or training in it that
            `qgf export` never writes.
    """
    try:
        graphs = list(_model(memoryview(content)))
        if len(graphs) != 1:
            raise _Broken(f"it has {len(graphs)} graphs")
        counted = _graph(graphs[0], 0)
        if counted == 0:
            raise _Broken("its graph is empty")
    except _Broken as error:
        raise CheckpointError(path, f"it is not what `qgf export` writes: {error}") from error


def _model(content: Bytes) -> Iterator[Bytes]:
    for number, value in _fields(content):
        if number in (_MODEL_TRAINING, _MODEL_FUNCTIONS):
            raise _Broken("it brings functions or training along")
        if number == _MODEL_GRAPH:
            yield _message(value)


def _graph(content: Bytes, depth: int) -> int:
    """Checks a graph with those within it; how many nodes they have."""
    if depth > DEPTH:
        raise _Broken(f"its graphs are nested more than {DEPTH} deep")
    count = 0
    for number, value in _fields(content):
        if number == _GRAPH_NODE:
            count += 1 + _node(_message(value), depth)
        elif number == _GRAPH_WEIGHT:
            _tensor(_message(value))
        elif number == _GRAPH_SPARSE:
            raise _Broken("it has sparse weights")
        if count > OPERATIONS:
            raise _Broken(f"it has more than {OPERATIONS} nodes")
    return count


def _node(content: Bytes, depth: int) -> int:
    count = 0
    for number, value in _fields(content):
        if number == _NODE_DOMAIN and _text(value) not in OWN_DOMAINS:
            raise _Broken(f"it needs operators of '{_text(value)}'")
        if number == _NODE_OPERATOR and _text(value) not in OPERATORS:
            raise _Broken(f"it has the operator '{_text(value)}'")
        if number == _NODE_ATTRIBUTE:
            count += _attribute(_message(value), depth)
    return count


def _attribute(content: Bytes, depth: int) -> int:
    count = 0
    for number, value in _fields(content):
        if number in _ATTRIBUTE_TENSORS:
            _tensor(_message(value))
        elif number in _ATTRIBUTE_SPARSE:
            raise _Broken("it has sparse weights")
        elif number in _ATTRIBUTE_GRAPHS:
            count += _graph(_message(value), depth + 1)
    return count


def _tensor(content: Bytes) -> None:
    for number, value in _fields(content):
        if number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and value != 0):
            raise _Broken("its weights lie in another file")


def _message(value: Bytes | int) -> Bytes:
    if isinstance(value, int):
        raise _Broken("a number stands where a part of the graph is expected")
    return value


def _text(value: Bytes | int) -> str:
    return bytes(_message(value)[:100]).decode("utf-8", "replace")


def _fields(content: Bytes) -> Iterator[tuple[int, Bytes | int]]:
    """Number and value of each field: a number, or the bytes of a text or message."""
    place = 0
    while place < len(content):
        key, place = _number(content, place)
        if key >= 2**32:  # ONNX Runtime takes the lower 32 bits for the number, and would see another field
            raise _Broken("it is cut short or damaged")
        kind = key & 7
        if kind == 0:
            value, place = _number(content, place)
            yield key >> 3, value
            continue
        if kind == 2:
            length, place = _number(content, place)
        else:
            length = {1: 8, 5: 4}.get(kind, -1)
        if not 0 <= length <= len(content) - place:
            raise _Broken("it is cut short or damaged")
        yield key >> 3, content[place : place + length]
        place += length


def _number(content: Bytes, place: int) -> tuple[int, int]:
    """A number of up to 64 bits, seven a byte, and the place after it."""
    found = 0
    for shift in range(0, 70, 7):
        if place >= len(content):
            raise _Broken("it is cut short or damaged")
        found |= (content[place] & 0x7F) << shift
        place += 1
        if content[place - 1] < 0x80:
            return found, place
    raise _Broken("it is cut short or damaged")
