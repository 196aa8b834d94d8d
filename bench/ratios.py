"""Ratios between rows of a measurement, under the names that bars are stated in. Torch-free and pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]

ENGINES = ("cpu_fp32", "cpu_bf16", "torch_fp32", "onnx", "cuda_graph_fp32", "cuda_graph_bf16")
RIVALS = ("jax", "autograd", "compile")
FLOORS = {"cpu_fp32": "floor_fp32", "cpu_bf16": "floor_bf16"}


def best(
    rows: Sequence[Row], sampler: str, net: str, n: int, device: str, figure: str = "p50_ms"
) -> Row | None:
    """The row of a side at its best thread count, by `figure`; None where it was not measured."""
    found = [
        row
        for row in rows
        if (row["sampler"], row["net"], row["n"], row["device"]) == (sampler, net, n, device)
    ]
    return min(found, key=lambda row: row[figure]) if found else None


def ratios_of(rows: Sequence[Row], figure: str = "p50_ms") -> dict[str, float]:
    """All ratios of `figure` that the rows allow; every side at its best thread count.

    ENGINE_vs_RIVAL/NET/nN: the rival's p50 over ours, above 1 we are faster. ENGINE_vs_floor/NET/nN: our p50 over the floor's at
    the same number of threads, 1 is the floor. ENGINE_n4_vs_n1/NET: our p50 for four samples over that for one.
    """
    found: dict[str, float] = {}
    for net, n, device in sorted({(row["net"], row["n"], row["device"]) for row in rows}):
        for engine in ENGINES:
            ours = best(rows, engine, net, n, device, figure)
            if ours is None:
                continue
            case = f"{net}/n{n}" + ("" if device == "cpu" else f"/{device}")
            found |= _against_rivals(rows, ours, device, case, figure)
            floor = _floor_beside(rows, ours)
            if floor is not None:
                found[f"{engine}_vs_floor/{case}"] = ours[figure] / floor[figure]
            one = best(rows, engine, net, 1, device, figure)
            if one is not None and n > 1:
                found[f"{engine}_n{n}_vs_n1/{net}" + ("" if device == "cpu" else f"/{device}")] = (
                    ours[figure] / one[figure]
                )
    return found


def _against_rivals(rows: Sequence[Row], ours: Row, device: str, case: str, figure: str) -> dict[str, float]:
    engine, net, n = ours["sampler"], ours["net"], ours["n"]
    found = {}
    for sampler in RIVALS:
        rival = best(rows, sampler, net, n, device, figure)
        if rival is not None:
            found[f"{engine}_vs_{sampler}/{case}"] = rival[figure] / ours[figure]
    return found


@dataclass(frozen=True)
class Bar:
    """A ratio that is promised: at least `figure`, or at most."""

    name: str
    figure: float
    at_least: bool = True

    def reached(self, ratio: float) -> bool:
        """Whether a measured ratio keeps the promise."""
        return ratio >= self.figure if self.at_least else ratio <= self.figure


BARS = (
    Bar("cpu_fp32_vs_jax/4x512/n1", 2.5),
    Bar("cpu_bf16_vs_jax/4x512/n1", 5.0),
    Bar("cpu_fp32_vs_jax/4x1024/n1", 1.5),
    Bar("cpu_bf16_vs_jax/4x1024/n1", 5.0),
    Bar("cpu_fp32_n4_vs_n1/4x512", 2.0, at_least=False),
    Bar("cpu_fp32_n4_vs_n1/4x1024", 2.0, at_least=False),
    Bar("cpu_bf16_n4_vs_n1/4x512", 3.0, at_least=False),
    Bar("cpu_bf16_n4_vs_n1/4x1024", 3.0, at_least=False),
    Bar("cpu_fp32_vs_floor/4x512/n1", 1.5, at_least=False),
    Bar("cpu_fp32_vs_floor/4x1024/n1", 2.0, at_least=False),
    Bar("cpu_bf16_vs_floor/4x512/n1", 1.5, at_least=False),
    Bar("cpu_bf16_vs_floor/4x1024/n1", 1.5, at_least=False),
    Bar("cuda_graph_fp32_vs_jax/4x1024/n1/cuda", 3.0),
    Bar("training_vs_jax/3x256", 1.0),
)


def _floor_beside(rows: Sequence[Row], ours: Row) -> Row | None:
    """The floor of the same reading on the same threads; it is that of one sample."""
    wanted = FLOORS.get(ours["sampler"]), ours["net"], ours["n"], ours["threads"]
    for row in rows:
        if (row["sampler"], row["net"], row["n"], row["threads"]) == wanted:
            return row
    return None
