"""Bytes that are one ONNX model for who looks through them, and another for who runs it."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

GRAPH_KEY = 7 << 3 | 2
UNREAD_KEY = 1000 << 3 | 2  # of a field that no version of the format has


def whole(number: int) -> bytes:
    """A number as protocol buffers have it."""
    found = b""
    while number >= 0x80:
        found, number = found + bytes([number & 0x7F | 0x80]), number >> 7
    return found + bytes([number])


def with_hidden_graph(content: bytes, operator: str) -> bytes:
    """With one node more, in a graph whose key has a bit beyond the 32 that ONNX Runtime looks at."""
    node = helper.make_node(operator, ["observation"], ["hidden"]).SerializeToString()
    graph = b"\x0a" + whole(len(node)) + node
    return content + whole(GRAPH_KEY | 1 << 32) + whole(len(graph)) + graph


def as_flatbuffer(content: bytes, folder: Path) -> bytes:
    """The model beginning as ONNX Runtime's own format does, which then reads nothing but a copy with the description `flatbuffer`.

    That format begins with the place of its root, and ORTM. The place is chosen so that its bytes are a field of a number, one
    without a number, and one of 84 bytes.
    """
    model = onnx.load_from_string(content)
    model.doc_string = "flatbuffer"
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.save_model_format", "ORT")
    options.optimized_model_filepath = str(folder / "model.ort")
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    theirs = (folder / "model.ort").read_bytes()
    (root,) = struct.unpack("<I", theirs[:4])
    begin = b"\x08\x88\0\0ORTM" + bytes(83)
    start = 0x8808 - root + 8
    size = len(theirs) - 8 + start - len(begin) - len(whole(UNREAD_KEY)) - 4
    length = bytes(size >> shift & 0x7F | (0x80 if shift < 21 else 0) for shift in (0, 7, 14, 21))
    head = begin + whole(UNREAD_KEY) + length
    return head + bytes(start - len(head)) + theirs[8:] + content


def doubling(content: bytes, times: int) -> bytes:
    """With a constant of 4 KiB that is joined with itself, again and again."""
    model = onnx.load_from_string(content)
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(1024, np.float32), "double_0"))
    nodes = [
        helper.make_node("Concat", [f"double_{index}"] * 2, [f"double_{index + 1}"], axis=0)
        for index in range(times)
    ]
    model.graph.node.extend(nodes)
    model.graph.output.append(helper.make_empty_tensor_value_info(f"double_{times}"))
    return bytes(model.SerializeToString())
