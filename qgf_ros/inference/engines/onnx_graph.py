"""Builds ONNX graphs from expressions: a `Value` is the name of an array, arithmetic on it adds nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 20  # the first with GELU; ONNX Runtime 1.17 and later run it
IR_VERSION = 10


@dataclass(frozen=True)
class Value:
    """The name of an array in a graph that is being built."""

    name: str
    graph: Graph

    def __add__(self, other: Value | float) -> Value:
        return self.graph.node("Add", self, self.graph.value(other))

    def __sub__(self, other: Value | float) -> Value:
        return self.graph.node("Sub", self, self.graph.value(other))

    def __mul__(self, other: Value | float) -> Value:
        return self.graph.node("Mul", self, self.graph.value(other))

    def __truediv__(self, other: Value | float) -> Value:
        return self.graph.node("Div", self, self.graph.value(other))


class Graph:
    """State: the nodes of the graph and of the branch or loop body that is being built, and all constants.

    Names are unique throughout, so that branches and bodies see the values around them.
    """

    def __init__(self) -> None:
        self._scopes: list[list[onnx.NodeProto]] = [[]]
        self._constants: dict[str, onnx.TensorProto] = {}
        self._shared: dict[tuple[str, bytes], Value] = {}
        self._count = 0

    def node(self, kind: str, *inputs: Value, **attributes: object) -> Value:
        """Adds a node of one output."""
        (result,) = self.nodes(kind, 1, *inputs, **attributes)
        return result

    def nodes(self, kind: str, outputs: int, *inputs: Value, **attributes: object) -> list[Value]:
        """Adds a node of several outputs."""
        names = [self._fresh(kind.lower()) for _ in range(outputs)]
        taken = [value.name for value in inputs]
        self._scopes[-1].append(helper.make_node(kind, taken, names, **attributes))  # type: ignore[arg-type]
        return [Value(name, self) for name in names]

    def weight(self, name: str, array: np.ndarray) -> Value:
        """A constant with a name of its own."""
        self._constants[name] = numpy_helper.from_array(np.asarray(array, order="C"), name)
        return Value(name, self)

    def value(self, given: Value | float | Sequence[int] | np.ndarray) -> Value:
        """A small constant: floats become float32, sequences of whole numbers int64; equal ones are kept once."""
        if isinstance(given, Value):
            return given
        if isinstance(given, float):
            array = np.array(given, np.float32)
        else:
            array = given if isinstance(given, np.ndarray) else np.array(given, np.int64)
        key = (f"{array.dtype}{array.shape}", array.tobytes())
        if key not in self._shared:
            self._shared[key] = self.weight(self._fresh("constant"), array)
        return self._shared[key]

    def placeholder(self, name: str) -> Value:
        """The name of an input of the graph or of a body."""
        return Value(name, self)

    def branch(
        self, condition: Value, then: Callable[[], Sequence[Value]], otherwise: Callable[[], Sequence[Value]]
    ) -> list[Value]:
        """An `If`; both branches give arrays of the same types."""
        bodies = {"then_branch": self._body("then", then), "else_branch": self._body("else", otherwise)}
        return self.nodes("If", len(bodies["then_branch"].output), condition, **bodies)

    def loop(
        self, count: Value, first: Sequence[Value], step: Callable[[Value, list[Value]], Sequence[Value]]
    ) -> list[Value]:
        """A `Loop`: `count` times the float32 states become `step(index, states)`; the last ones."""
        index, proceed = self._fresh("index"), self._fresh("proceed")
        states = [self._fresh("state") for _ in first]
        inputs = [
            helper.make_tensor_value_info(index, TensorProto.INT64, []),
            helper.make_tensor_value_info(proceed, TensorProto.BOOL, []),
            *(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in states),
        ]

        def content() -> list[Value]:
            after = step(self.placeholder(index), [self.placeholder(name) for name in states])
            return [self.node("Identity", self.placeholder(proceed)), *after]

        body = self._body("body", content, inputs, TensorProto.BOOL)
        always = self.value(np.array(True))
        return self.nodes("Loop", len(first), count, always, *first, body=body)

    def finished(
        self,
        name: str,
        inputs: Sequence[onnx.ValueInfoProto],
        outputs: Sequence[tuple[onnx.ValueInfoProto, Value]],
    ) -> onnx.ModelProto:
        """The whole as a model."""
        for described, value in outputs:
            self._scopes[0].append(helper.make_node("Identity", [value.name], [described.name]))
        graph = helper.make_graph(
            self._scopes[0],
            name,
            list(inputs),
            [described for described, _ in outputs],
            list(self._constants.values()),
        )
        opset = [helper.make_operatorsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opset, producer_name="qgf_ros", ir_version=IR_VERSION)

    def _body(
        self,
        name: str,
        content: Callable[[], Sequence[Value]],
        inputs: Sequence[onnx.ValueInfoProto] = (),
        first_type: int = TensorProto.FLOAT,
    ) -> onnx.GraphProto:
        """A branch or body. Each output is a node of its own, since a branch may hand on what it did not make."""
        self._scopes.append([])
        values = [self.node("Identity", value) for value in content()]
        nodes = self._scopes.pop()
        outputs = [
            helper.make_tensor_value_info(value.name, TensorProto.FLOAT if i else first_type, None)
            for i, value in enumerate(values)
        ]
        return helper.make_graph(nodes, self._fresh(name), list(inputs), outputs)

    def _fresh(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self._count}"
