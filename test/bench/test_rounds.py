"""How sides take turns, when a row is measured again, and which way round a ratio is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from ratios import Bar, ratios_of
from rounds import Budget, Timings, interleave, measure


class Bench:
    """Sides that take stated times on a clock of their own. State: the time and who had turns."""

    def __init__(self) -> None:
        self.now = 0.0
        self.turns: list[str] = []

    def side(self, name: str, milliseconds: Sequence[float]) -> Callable[[], list[float]]:
        """A side whose calls take these times, over and over."""
        left: list[float] = []

        def turn() -> list[float]:
            if not left:
                left.extend(milliseconds)
            spent = left.pop(0)
            self.now += spent / 1e3
            self.turns.append(name)
            return [spent]

        return turn

    def clock(self) -> float:
        """Seconds."""
        return self.now


def row(sampler: str, p50: float, n: int = 1, threads: int = 1, net: str = "4x512") -> dict[str, object]:
    """A row as the benchmark writes it, as far as ratios read it."""
    return {"sampler": sampler, "net": net, "n": n, "threads": threads, "device": "cpu", "p50_ms": p50}


def test_every_side_has_one_turn_a_round() -> None:
    bench = Bench()
    sides = {name: bench.side(name, [1.0]) for name in "abc"}
    interleave(sides, Budget(seconds=10.0, most=5), bench.clock)
    rounds = [bench.turns[start : start + 3] for start in range(0, 15, 3)]
    assert len(bench.turns) == 15
    assert all(sorted(one) == ["a", "b", "c"] for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1, "the order within a round changes"


def test_rounds_end_when_the_time_is_used_up_but_not_before_the_fewest() -> None:
    bench = Bench()
    found = interleave({"slow": bench.side("slow", [1000.0])}, Budget(seconds=3.5, fewest=1), bench.clock)
    assert len(found["slow"].milliseconds) == 3
    found = interleave({"slow": bench.side("slow", [1000.0])}, Budget(seconds=0.1, fewest=4), bench.clock)
    assert len(found["slow"].milliseconds) == 4


def test_a_row_whose_median_is_over_one_and_a_half_minima_is_measured_again_and_others_are_not() -> None:
    bench = Bench()
    sides = {"noisy": bench.side("noisy", [1.0, 2.0, 2.0]), "quiet": bench.side("quiet", [1.0, 1.2])}
    found = measure(sides, Budget(seconds=10.0, most=6), most_repeats=2, clock=bench.clock)
    assert (found["noisy"].repeats, found["quiet"].repeats) == (2, 0)
    assert bench.turns.count("noisy") == 18
    assert bench.turns.count("quiet") == 6


def test_of_several_attempts_the_least_disturbed_is_kept_even_where_it_is_slower() -> None:
    bench = Bench()
    times = [1.0, 2.0, 2.0, 3.0, 3.1, 3.2]  # the second attempt is steady
    found = measure({"one": bench.side("one", times)}, Budget(10.0, most=3), clock=bench.clock)
    assert found["one"].milliseconds == [3.0, 3.1, 3.2]


def test_figures_say_median_tail_extremes_and_count() -> None:
    figures = Timings([1.0, 2.0, 3.0, 10.0, 4.0]).figures()
    assert (figures["p50_ms"], figures["min_ms"], figures["worst_ms"], figures["calls"]) == (
        3.0,
        1.0,
        10.0,
        5,
    )
    assert 4.0 < figures["p99_ms"] <= 10.0


def test_a_ratio_to_a_rival_is_above_one_where_we_are_faster() -> None:
    found = ratios_of([row("cpu_fp32", 2.0), row("jax", 6.0), row("autograd", 20.0), row("compile", 8.0)])
    assert found["cpu_fp32_vs_jax/4x512/n1"] == 3.0
    assert found["cpu_fp32_vs_autograd/4x512/n1"] == 10.0
    assert found["cpu_fp32_vs_compile/4x512/n1"] == 4.0


def test_ratios_of_another_figure_choose_the_best_thread_count_by_that_figure() -> None:
    rows = [
        row("cpu_fp32", 9.0) | {"min_ms": 1.0},
        row("cpu_fp32", 2.0, threads=2) | {"min_ms": 1.5},
        row("jax", 6.0) | {"min_ms": 4.0},
    ]
    assert ratios_of(rows)["cpu_fp32_vs_jax/4x512/n1"] == 3.0
    assert ratios_of(rows, "min_ms")["cpu_fp32_vs_jax/4x512/n1"] == 4.0


def test_every_side_counts_at_its_best_thread_count() -> None:
    rows = [
        row("cpu_fp32", 4.0),
        row("cpu_fp32", 2.0, threads=2),
        row("jax", 5.0),
        row("jax", 9.0, threads=2),
    ]
    assert ratios_of(rows)["cpu_fp32_vs_jax/4x512/n1"] == 2.5


def test_the_distance_to_the_floor_is_ours_over_the_floor_at_the_same_threads_and_dtype() -> None:
    rows = [row("cpu_fp32", 4.0), row("cpu_fp32", 3.0, threads=2), row("cpu_bf16", 2.0)]
    floors = [row("floor_fp32", 1.0), row("floor_fp32", 2.0, threads=2), row("floor_bf16", 1.6)]
    found = ratios_of(rows + floors)
    assert found["cpu_fp32_vs_floor/4x512/n1"] == 1.5
    assert found["cpu_bf16_vs_floor/4x512/n1"] == pytest.approx(1.25)


def test_four_samples_are_compared_with_one_of_the_same_size() -> None:
    rows = [row("cpu_fp32", 2.0), row("cpu_fp32", 3.0, n=4), row("cpu_fp32", 90.0, net="4x1024")]
    found = ratios_of(rows)
    assert found["cpu_fp32_n4_vs_n1/4x512"] == 1.5
    assert "cpu_fp32_n4_vs_n1/4x1024" not in found


def test_no_ratio_is_made_up_where_a_side_is_missing() -> None:
    assert ratios_of([row("cpu_fp32", 2.0)]) == {}


def test_a_bar_is_a_least_or_a_most() -> None:
    assert Bar("x", 2.5).reached(2.5)
    assert not Bar("x", 2.5).reached(2.4)
    assert Bar("x", 1.5, at_least=False).reached(1.5)
    assert not Bar("x", 1.5, at_least=False).reached(1.6)
