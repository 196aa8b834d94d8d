"""What a library must be able to do so that the written-out sampler runs in it or is built with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, Self, TypeVar

from qgf_ros.networks import Aggregation


class Arithmetic(Protocol):
    """What an array, or the name of one in a graph, must do by itself."""

    def __add__(self, other: Any, /) -> Self: ...

    def __sub__(self, other: Any, /) -> Self: ...

    def __mul__(self, other: Any, /) -> Self: ...

    def __truediv__(self, other: Any, /) -> Self: ...


T = TypeVar("T", bound=Arithmetic)
Saved = tuple[T, ...]


class Operations(Protocol[T]):
    """The rest of what the page needs. Kernels are (in, out), or (E, in, out) for an ensemble computed together."""

    def affine(self, x: T, kernel: T, offset: T) -> T:
        """X @ kernel + offset, (N, out)."""
        ...

    def transposed(self, gradient: T, kernel: T) -> T:
        """Gradient @ kernel^T, (N, in): reads the one copy of the kernel."""
        ...

    def norm(self, x: T, scale: T, bias: T) -> tuple[T, Saved[T]]:
        """Layer normalisation, and what its gradient needs."""
        ...

    def norm_gradient(self, gradient: T, saved: Saved[T]) -> T:
        """The gradient at the norm's input."""
        ...

    def gelu(self, x: T) -> tuple[T, Saved[T]]:
        """GELU in its tanh form, and what its gradient needs."""
        ...

    def gelu_gradient(self, gradient: T, saved: Saved[T]) -> T:
        """The gradient at GELU's input."""
        ...

    def sigmoid(self, x: T) -> T:
        """1 / (1 + exp(-x))."""
        ...

    def clip(self, x: T) -> T:
        """X between -1 and 1."""
        ...

    def clip_gradient(self, gradient: T, x: T) -> T:
        """The gradient where -1 <= x <= 1, else 0."""
        ...

    def where(self, mask: T, x: T, y: T) -> T:
        """X where the mask holds, else y."""
        ...

    def zeros(self, like: T) -> T:
        """Zeros of the same shape."""
        ...

    def nan(self, like: T) -> T:
        """One nan for each row (N, 1)."""
        ...

    def embed(self, times: T) -> T:
        """emb(t) (K, 16) of times (K,). Equation (1)."""
        ...

    def aggregate(self, answers: Sequence[T], how: Aggregation) -> tuple[T, Sequence[T]]:
        """Q (N, 1), equation (3), from the members' answers, and dQ / d answer of each. Equal minima share."""
        ...

    def total(self, gradients: Sequence[T]) -> T:
        """The sum over members (N, D)."""
        ...

    def matters(self, share: T) -> T | bool:
        """Whether any row's Q depends on this member: if not, its backward pass is left out where that is possible."""
        ...

    def choose(
        self, condition: T | bool, then: Callable[[], Sequence[T]], otherwise: Callable[[], Sequence[T]]
    ) -> Sequence[T]:
        """The arrays of one of two branches; the other one is not computed where that is possible."""
        ...
