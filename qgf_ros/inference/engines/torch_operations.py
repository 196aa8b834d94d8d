"""The written-out page's operations in PyTorch: one fused call each, without autograd."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.inference.aim import check_of_one_goal
from qgf_ros.inference.engines.engine import Precision
from qgf_ros.inference.engines.operations import Saved
from qgf_ros.inference.engines.written_out import Affine, Net, Nets
from qgf_ros.layers import LAYER_NORM_EPS, TIME_EMBEDDING_DIM, Layers, TimeEmbedding
from qgf_ros.networks import Aggregation

_native = torch.ops.aten
_INPUT_ONLY = [True, False, False]


class TorchOperations:
    """`Operations` on tensors of one device.

    `branches` true: conditions are looked at, and what is not needed is not computed. False, for a CUDA graph: everything
    is computed, nothing asks the device for an answer.
    """

    def __init__(self, branches: bool) -> None:
        self._branches = branches
        self._embedding = TimeEmbedding()

    def to(self, device: torch.device) -> TorchOperations:
        """These operations with their constants on `device`."""
        self._embedding.to(device)
        return self

    def affine(self, x: Tensor, kernel: Tensor, offset: Tensor) -> Tensor:
        """See `Operations`. Kernels in bfloat16 are multiplied in bfloat16 and added to the offset in float32."""
        if kernel.dtype is not x.dtype:
            return torch.matmul(x.to(kernel.dtype), kernel).float() + offset
        if kernel.dim() == 2:
            return torch.addmm(offset, x, kernel)
        return torch.baddbmm(offset, x.expand(len(kernel), -1, -1), kernel)

    def transposed(self, gradient: Tensor, kernel: Tensor) -> Tensor:
        """See `Operations`."""
        if kernel.dtype is not gradient.dtype:
            return torch.matmul(gradient.to(kernel.dtype), kernel.mT).float()
        return torch.matmul(gradient, kernel.mT)

    def norm(self, x: Tensor, scale: Tensor, bias: Tensor) -> tuple[Tensor, Saved[Tensor]]:
        """See `Operations`."""
        width = [x.shape[-1]]
        if scale.dim() == 1:
            y, mean, rate = torch.native_layer_norm(x, width, scale, bias, LAYER_NORM_EPS)
        else:
            y, mean, rate = torch.native_layer_norm(x, width, None, None, LAYER_NORM_EPS)
            y = torch.addcmul(bias, y, scale)
        return y, (x, mean, rate, scale)

    def norm_gradient(self, gradient: Tensor, saved: Saved[Tensor]) -> Tensor:
        """See `Operations`."""
        x, mean, rate, scale = saved
        if scale.dim() > 1:
            gradient, weight = gradient * scale, None
        else:
            weight = scale
        found = _native.native_layer_norm_backward(
            gradient, x, [x.shape[-1]], mean, rate, weight, None, _INPUT_ONLY
        )
        result: Tensor = found[0]
        return result

    def gelu(self, x: Tensor) -> tuple[Tensor, Saved[Tensor]]:
        """See `Operations`."""
        return functional.gelu(x, approximate="tanh"), (x,)

    def gelu_gradient(self, gradient: Tensor, saved: Saved[Tensor]) -> Tensor:
        """See `Operations`."""
        result: Tensor = _native.gelu_backward(gradient, saved[0], approximate="tanh")
        return result

    def sigmoid(self, x: Tensor) -> Tensor:
        """See `Operations`."""
        return torch.sigmoid(x)

    def clip(self, x: Tensor) -> Tensor:
        """See `Operations`."""
        return x.clamp(-1.0, 1.0)

    def clip_gradient(self, gradient: Tensor, x: Tensor) -> Tensor:
        """See `Operations`."""
        return gradient * (x.abs() <= 1.0)

    def where(self, mask: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """See `Operations`."""
        return torch.where(mask, x, y)

    def zeros(self, like: Tensor) -> Tensor:
        """See `Operations`."""
        return torch.zeros_like(like)

    def nan(self, like: Tensor) -> Tensor:
        """See `Operations`."""
        return torch.full((len(like), 1), float("nan"), dtype=like.dtype, device=like.device)

    def embed(self, times: Tensor) -> Tensor:
        """See `Operations`."""
        embedded: Tensor = self._embedding(times)
        return embedded

    def aggregate(self, answers: Sequence[Tensor], how: Aggregation) -> tuple[Tensor, Sequence[Tensor]]:
        """See `Operations`. One answer (E, N, 1), or E answers (N, 1)."""
        together = answers[0] if answers[0].dim() == 3 else torch.stack(list(answers))
        if how is Aggregation.MEAN:
            q = together.mean(dim=0)
            share = torch.full_like(together, 1.0 / len(together))
        else:
            q = together.amin(dim=0)
            lowest = (together == q).to(q.dtype)
            share = lowest / lowest.sum(dim=0)
        return q, (share,) if answers[0].dim() == 3 else share.unbind()

    def total(self, gradients: Sequence[Tensor]) -> Tensor:
        """See `Operations`."""
        if gradients[0].dim() == 3:
            return gradients[0].sum(dim=0)
        result = gradients[0]
        for gradient in gradients[1:]:
            result = result + gradient
        return result

    def matters(self, share: Tensor) -> bool:
        """See `Operations`."""
        return not self._branches or bool(share.any())

    def choose(
        self,
        condition: Tensor | bool,
        then: Callable[[], Sequence[Tensor]],
        otherwise: Callable[[], Sequence[Tensor]],
    ) -> Sequence[Tensor]:
        """See `Operations`; conditions here are known when the step is asked for."""
        return then() if condition else otherwise()


def torch_nets(
    checkpoint: Checkpoint, device: torch.device, precision: Precision, *, together: bool
) -> Nets[Tensor]:
    """The checkpoint's networks as the page reads them: views of its own weights, no second copy in float32. Raises NoGoalError.

    In BF16 the kernels between hidden layers are kept in bfloat16 and multiplied so; the first layer and the head, which see
    actions, times and Q, stay float32. `together`: the critic as one ensemble, for devices where few large kernels win.
    """
    check_of_one_goal(checkpoint, "The sampler")
    networks = checkpoint.networks.to(device)
    config = networks.config
    sizes = config.observation_dim, config.vector_dim
    policy = _net(networks.policy.layers, *sizes, None, precision)
    critic = networks.target_critic.layers
    members = [None] if together else list(range(config.num_critics))
    return Nets(
        mean=torch.from_numpy(checkpoint.normalizer.mean).to(device),
        scale=torch.from_numpy(checkpoint.normalizer.scale).to(device),
        policy=policy,
        critics=tuple(_net(critic, *sizes, member, precision) for member in members),
        aggregation=config.aggregation,
        slope=checkpoint.defaults.slope,
    )


def _net(
    layers: Layers, observation: int, vector: int, member: int | None, precision: Precision
) -> Net[Tensor]:
    """One network of `layers`, or its member number `member`, or (None) all members together."""

    def part(parameter: Tensor, is_vector: bool) -> Tensor:
        """A parameter of one member; biases and scales of an ensemble get an axis for rows."""
        value = parameter.detach()
        if member is not None:
            return value[member]
        return value.unsqueeze(-2) if is_vector and value.dim() == 2 else value

    def kernel(parameter: Tensor) -> Tensor:
        value = part(parameter, False)
        return value.bfloat16() if precision is Precision.BF16 else value

    first = part(layers.first.kernel, False)
    blocks = [
        observation,
        vector,
        TIME_EMBEDDING_DIM,
        first.shape[-2] - observation - vector - TIME_EMBEDDING_DIM,
    ]
    if blocks[-1] < 0:  # a critic takes neither time nor flags
        blocks[2:] = [0, 0]
    of_observation, action, time, flags = torch.split(first, blocks, dim=-2)
    return Net(
        observation=Affine(of_observation, part(layers.first.bias, True)),
        time=time if blocks[2] else None,
        flags=flags if blocks[3] else None,
        action=action,
        hidden=tuple(Affine(kernel(dense.kernel), part(dense.bias, True)) for dense in layers.dense[1:]),
        norms=tuple(Affine(part(norm.scale, True), part(norm.bias, True)) for norm in layers.norms),
        head=Affine(part(layers.out.kernel, False), part(layers.out.bias, True)),
    )
