"""The whole guided sampler as one ONNX graph: every step, the gradient included, and the choice among candidates."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper
from torch import Tensor

from qgf_ros.flow.sampler import Estimator
from qgf_ros.inference.engines import written_out
from qgf_ros.inference.engines.onnx_graph import Graph, Value
from qgf_ros.inference.engines.onnx_operations import OnnxOperations
from qgf_ros.inference.engines.written_out import Affine, Held, Instant, Net, Nets, Scene, Step
from qgf_ros.inference.exported import ESTIMATORS

FLOAT, BOOL, INT = TensorProto.FLOAT, TensorProto.BOOL, TensorProto.INT64


def sampler_graph(nets: Nets[Tensor]) -> onnx.ModelProto:
    """The sampler. Inputs and outputs, float32 unless said:

    observation (O,) in the contract's units · noise (N, D) · start (N, D), the noise itself at the beginning of a walk, else
    where it stands · times (K + 1,) · weights (K,) · committed (D,), fixed (D,) bool, freedom (D,): the prefix, else zeros,
    false, ones · ask_critic () bool: whether to score · estimator () int64: its place in `ESTIMATORS`.
    actions (N, D), scores (N,), best () int64: as `Sample` · q_first (N,), guidance_norm (N,): of every candidate ·
    action (N, D), velocity (N, D): where the walk stands after its last step, to go on from.

    The number of steps K >= 0 and of candidates N are data.
    """
    return _Builder(nets).build()


class _Builder:
    """State: the graph in the making, its weights and inputs."""

    def __init__(self, nets: Nets[Tensor]) -> None:
        self._graph = Graph()
        self._ops = OnnxOperations(self._graph)
        self._nets = _as_values(self._graph, nets)
        observed, vector = nets.policy.observation.kernel.shape[0], nets.policy.action.shape[0]
        self._inputs: dict[str, tuple[int, list[str | int]]] = {
            "observation": (FLOAT, [observed]),
            "noise": (FLOAT, ["N", vector]),
            "start": (FLOAT, ["N", vector]),
            "times": (FLOAT, ["K_plus_1"]),
            "weights": (FLOAT, ["K"]),
            "committed": (FLOAT, [vector]),
            "fixed": (BOOL, [vector]),
            "freedom": (FLOAT, [vector]),
            "ask_critic": (BOOL, []),
            "estimator": (INT, []),
        }
        self._vector = vector
        self._rows = 1 if nets.policy.flags is None else int(nets.policy.flags.shape[0])

    def build(self) -> onnx.ModelProto:
        """The model."""
        graph, given = self._graph, {name: self._graph.placeholder(name) for name in self._inputs}
        ops, count = self._ops, graph.node("Size", given["weights"])
        starts = graph.node("Slice", given["times"], graph.value([0]), graph.value([-1]))
        ends = graph.node("Slice", given["times"], graph.value([1]), graph.value([2**31]))
        row = graph.node("Unsqueeze", given["observation"], graph.value([0]))
        seen = written_out.normalised(self._nets, row)
        each = self._vector // self._rows
        starting = [graph.value([n]) for n in (0, 2**31, 0, each)]
        first_of_row = graph.node("Slice", given["fixed"], *starting)
        rows = graph.node("Unsqueeze", graph.node("Cast", first_of_row, to=FLOAT), graph.value([0]))
        held = Held(given["fixed"], given["committed"], given["freedom"], rows)
        features = written_out.timed_features(ops, self._nets, seen, held, starts)
        is_noisy = self._is_chosen(Estimator.NOISY)
        scene = Scene(
            nets=self._nets,
            noise=given["noise"],
            critics=[written_out.features(ops, net, seen) for net in self._nets.critics],
            held=held,
            is_noisy=is_noisy,
            is_jacobian=self._is_chosen(Estimator.ONE_STEP_JACOBIAN),
        )

        def body(index: Value, states: list[Value]) -> list[Value]:
            weight = graph.node("Gather", given["weights"], index)
            is_first = graph.node("Equal", index, graph.value(np.array(0)))
            time = graph.node("Gather", starts, index)
            at = Instant(
                features=graph.node("Gather", features, graph.node("Unsqueeze", index, graph.value([0]))),
                time=time,
                length=graph.node("Gather", ends, index) - time,
                weight=weight,
                is_guided=graph.node("Not", graph.node("Equal", weight, graph.value(0.0))),
                is_first_noisy=graph.node("And", is_first, is_noisy),
            )
            action, _, q_first, norm = states
            step = written_out.step(ops, scene, at, action)
            size = graph.node("ReduceL2", step.guidance, graph.value([1]), keepdims=1)
            return [
                step.action,
                step.velocity,
                ops.where(is_first, step.q, q_first),
                norm + size * weight,
            ]

        start = given["start"]
        none = ops.nan(start)
        zero = ops.zeros(graph.node("ReduceMean", start, graph.value([1]), keepdims=1))
        first = [start, ops.zeros(start), none, zero]
        action, velocity, q_first, norm = graph.loop(count, first, body)
        return self._answers(scene, given, Step(action, velocity, velocity, q_first), norm)

    def _answers(
        self, scene: Scene[Value], given: dict[str, Value], last: Step[Value], norm: Value
    ) -> onnx.ModelProto:
        graph, ops = self._graph, self._ops
        end = graph.node("Gather", given["times"], graph.value(np.array(-1)))
        actions = written_out.finished(ops, scene.held, last, end)
        asked = given["ask_critic"]
        (ranked,) = ops.choose(
            asked, lambda: [written_out.judge(ops, scene, actions)], lambda: [ops.zeros(norm)]
        )
        best = graph.node("ArgMax", self._column(ranked), axis=0, keepdims=0)
        scores = ops.where(asked, ranked, graph.value(float("nan")))
        is_zero = graph.node("Equal", given["weights"], graph.value(0.0))
        guided = graph.node("Cast", graph.node("Not", is_zero), to=FLOAT)
        number = graph.node("ReduceSum", guided, keepdims=0)
        mean_norm = norm / graph.node("Max", number, graph.value(1.0))
        outputs: list[tuple[str, Value, int, list[str | int]]] = [
            ("actions", actions, FLOAT, ["N", self._vector]),
            ("scores", self._column(scores), FLOAT, ["N"]),
            ("best", best, INT, []),
            ("q_first", self._column(last.q), FLOAT, ["N"]),
            ("guidance_norm", self._column(mean_norm), FLOAT, ["N"]),
            ("action", last.action, FLOAT, ["N", self._vector]),
            ("velocity", last.velocity, FLOAT, ["N", self._vector]),
        ]
        described = [
            (helper.make_tensor_value_info(name, kind, shape), value) for name, value, kind, shape in outputs
        ]
        inputs = [
            helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in self._inputs.items()
        ]
        return graph.finished("guided_sampler", inputs, described)

    def _is_chosen(self, estimator: Estimator) -> Value:
        number = self._graph.value(np.array(ESTIMATORS.index(estimator)))
        return self._graph.node("Equal", self._graph.placeholder("estimator"), number)

    def _column(self, x: Value) -> Value:
        """(N, 1) as (N,)."""
        return self._graph.node("Squeeze", x, self._graph.value([1]))


def _as_values(graph: Graph, nets: Nets[Tensor]) -> Nets[Value]:
    def weight(name: str, tensor: Tensor) -> Value:
        return graph.weight(name, tensor.cpu().numpy())

    def affine(name: str, of: Affine[Tensor]) -> Affine[Value]:
        return Affine(weight(f"{name}.kernel", of.kernel), weight(f"{name}.bias", of.bias))

    def net(name: str, of: Net[Tensor]) -> Net[Value]:
        return Net(
            observation=affine(f"{name}.observation", of.observation),
            time=None if of.time is None else weight(f"{name}.time", of.time),
            flags=None if of.flags is None else weight(f"{name}.flags", of.flags),
            action=weight(f"{name}.action", of.action),
            hidden=tuple(affine(f"{name}.hidden.{index}", layer) for index, layer in enumerate(of.hidden)),
            norms=tuple(affine(f"{name}.norm.{index}", norm) for index, norm in enumerate(of.norms)),
            head=affine(f"{name}.head", of.head),
        )

    return Nets(
        mean=weight("normalizer.mean", nets.mean),
        scale=weight("normalizer.scale", nets.scale),
        policy=net("policy", nets.policy),
        critics=tuple(net(f"critic.{index}", member) for index, member in enumerate(nets.critics)),
        aggregation=nets.aggregation,
        slope=nets.slope,
    )
