"""The written-out page's operations as nodes of an ONNX graph."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from qgf_ros.inference.engines.onnx_graph import Graph, Value
from qgf_ros.inference.engines.operations import Saved
from qgf_ros.layers import LAYER_NORM_EPS, TIME_SCALE, TimeEmbedding
from qgf_ros.networks import Aggregation

_GELU_OUTER = 2.0 * math.sqrt(2.0 / math.pi)
_GELU_CUBIC = 0.044715
# 2 pi in three parts, the first two of 8 and 12 bits, so that their products with up to 1592 turns are exact in float32.
_TURN_PARTS = (6.28125, 0.0019350051879882812, math.tau - 6.28125 - 0.0019350051879882812)


class OnnxOperations:
    """`Operations` that add nodes to a graph. All kernels are (in, out)."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def affine(self, x: Value, kernel: Value, offset: Value) -> Value:
        """See `Operations`."""
        return self._graph.node("Gemm", x, kernel, offset)

    def transposed(self, gradient: Value, kernel: Value) -> Value:
        """See `Operations`."""
        return self._graph.node("Gemm", gradient, kernel, transB=1)

    def norm(self, x: Value, scale: Value, bias: Value) -> tuple[Value, Saved[Value]]:
        """See `Operations`."""
        y, mean, rate = self._graph.nodes("LayerNormalization", 3, x, scale, bias, epsilon=LAYER_NORM_EPS)
        return y, (x, mean, rate, scale)

    def norm_gradient(self, gradient: Value, saved: Saved[Value]) -> Value:
        """See `Operations`."""
        x, mean, rate, scale = saved
        normal, scaled = (x - mean) * rate, gradient * scale
        along = self._mean(scaled * normal)
        return (scaled - self._mean(scaled) - normal * along) * rate

    def gelu(self, x: Value) -> tuple[Value, Saved[Value]]:
        """See `Operations`. x sigmoid(2 u), u = sqrt(2/pi) (x + 0.044715 x^3), is the tanh form."""
        square = x * x
        share = self._graph.node("Sigmoid", x * (square * (_GELU_OUTER * _GELU_CUBIC) + _GELU_OUTER))
        y = x * share
        return y, (square, share, y)

    def gelu_gradient(self, gradient: Value, saved: Saved[Value]) -> Value:
        """See `Operations`."""
        square, share, y = saved
        inner = square * (3.0 * _GELU_OUTER * _GELU_CUBIC) + _GELU_OUTER
        return gradient * (share + (y - y * share) * inner)

    def sigmoid(self, x: Value) -> Value:
        """See `Operations`."""
        return self._graph.node("Sigmoid", x)

    def clip(self, x: Value) -> Value:
        """See `Operations`."""
        return self._graph.node("Clip", x, self._graph.value(-1.0), self._graph.value(1.0))

    def clip_gradient(self, gradient: Value, x: Value) -> Value:
        """See `Operations`."""
        size = self._graph.node("Abs", x)
        inside = self._graph.node("LessOrEqual", size, self._graph.value(1.0))
        return self.where(inside, gradient, self._graph.value(0.0))

    def where(self, mask: Value, x: Value, y: Value) -> Value:
        """See `Operations`."""
        return self._graph.node("Where", mask, x, y)

    def zeros(self, like: Value) -> Value:
        """See `Operations`."""
        return like * 0.0

    def nan(self, like: Value) -> Value:
        """See `Operations`."""
        return self._mean(like) * float("nan")

    def embed(self, times: Value) -> Value:
        """See `Operations`."""
        frequencies = self._graph.value(TimeEmbedding().frequencies.numpy())
        column = self._graph.node("Unsqueeze", times * TIME_SCALE, self._graph.value([1]))
        angles = self._within_a_turn(column * frequencies)
        cosines, sines = self._graph.node("Cos", angles), self._graph.node("Sin", angles)
        return self._graph.node("Concat", cosines, sines, axis=1)

    def aggregate(self, answers: Sequence[Value], how: Aggregation) -> tuple[Value, Sequence[Value]]:
        """See `Operations`."""
        count = len(answers)
        if how is Aggregation.MEAN:
            total = self.total(answers)
            share = self.zeros(total) + 1.0 / count
            return total * (1.0 / count), [share] * count
        if count == 1:
            return answers[0], [self.zeros(answers[0]) + 1.0]
        q = self._graph.node("Min", *answers)
        lowest = [self._float(self._graph.node("Equal", answer, q)) for answer in answers]
        number = self.total(lowest)
        return q, [one / number for one in lowest]

    def total(self, gradients: Sequence[Value]) -> Value:
        """See `Operations`."""
        return gradients[0] if len(gradients) == 1 else self._graph.node("Sum", *gradients)

    def matters(self, share: Value) -> Value:
        """See `Operations`."""
        largest = self._graph.node("ReduceMax", share, keepdims=0)
        return self._graph.node("Greater", largest, self._graph.value(0.0))

    def choose(
        self,
        condition: Value | bool,
        then: Callable[[], Sequence[Value]],
        otherwise: Callable[[], Sequence[Value]],
    ) -> Sequence[Value]:
        """See `Operations`. A condition known while building leaves one branch only."""
        if isinstance(condition, bool):
            return then() if condition else otherwise()
        return self._graph.branch(condition, then, otherwise)

    def _within_a_turn(self, angles: Value) -> Value:
        """Angles less their whole turns, exact in float32 up to 10000: not every runtime's cosine takes large angles."""
        turns = self._graph.node("Round", angles * (1.0 / math.tau))
        for part in _TURN_PARTS:
            angles = angles - turns * part
        return angles

    def _mean(self, x: Value) -> Value:
        return self._graph.node("ReduceMean", x, self._graph.value([-1]), keepdims=1)

    def _float(self, x: Value) -> Value:
        return self._graph.node("Cast", x, to=1)
