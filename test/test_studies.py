"""The studies in bench/: what they are made of, and that they go on where they stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from gradient_stability import ESTIMATORS, curves, draw, table
from outcomes import Outcomes, load_cells, success_rate
from steps_study import PLACES, STEPS, all_cells, grid_walk, partly_guided
from weight_study import best_of, mean_regret

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.contract.load import load_contract
from test.small_checkpoints import saved_small

CONTRACT = Path(__file__).parents[1] / "config" / "contracts" / "jaco_reach.yaml"


@pytest.mark.parametrize("steps", range(1, STEPS + 1))
def test_every_planned_walk_keeps_to_the_grid_that_the_policy_was_trained_on(steps: int) -> None:
    times = grid_walk(steps, 0.1, 1).times
    assert len(times) == steps + 1
    assert set(times) <= {k / STEPS for k in range(STEPS + 1)}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("guided", range(1, STEPS + 1))
def test_a_partly_guided_walk_guides_as_many_steps_as_it_says(guided: int, place: str) -> None:
    walk = partly_guided(guided, place, 0.1, 1)
    assert (walk.steps, walk.guided_steps) == (STEPS, guided)
    assert (walk.weights[-1] if place != "first" else walk.weights[0]) == 0.1


def test_no_two_cells_of_the_steps_study_are_the_same() -> None:
    cells = all_cells(0.03)
    assert len({(cell.walk, cell.cut) for cell in cells.values()}) == len(cells)


def test_a_study_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path, names = tmp_path / "study.json", ["one", "two"]

    def run(stop_after: int) -> list[tuple[str, int]]:
        outcomes, done = Outcomes(path, {}, first_seed=5), []
        for name, seed in outcomes.missing(names, episodes=4, block=2):
            if len(done) == stop_after:
                break
            outcomes.add(name, {"success": seed % 2 == 0, "steps": seed})
            done.append((name, seed))
        outcomes.write()
        return done

    first, second = run(3), run(99)
    assert first == [("one", 5), ("one", 6), ("two", 5)]
    assert second == [("two", 6), ("one", 7), ("one", 8), ("two", 7), ("two", 8)]
    assert run(99) == []
    cells = load_cells(path)
    assert [outcome["steps"] for outcome in cells["two"]] == [5, 6, 7, 8]
    assert success_rate(cells["one"]).success == 0.5


def test_a_study_keeps_four_digits_of_what_it_measures(tmp_path: Path) -> None:
    outcomes = Outcomes(tmp_path / "study.json", {}, 0)
    outcomes.add("one", {"success": True, "steps": 3, "velocity": 0.123456})
    outcomes.write()
    assert load_cells(tmp_path / "study.json") == {"one": [{"success": 1, "steps": 3, "velocity": 0.1235}]}


def test_the_best_weight_is_the_one_of_most_success_and_then_of_fewest_periods() -> None:
    won, lost = {"success": 1, "steps": 90}, {"success": 0, "steps": 200}
    cells = {"few": [won, lost], "slow": [won, won], "fast": [won, won | {"steps": 70}]}
    assert best_of(cells, list(cells)) == "fast"


def test_regret_is_the_mean_over_tasks_and_its_bound_lies_above_it() -> None:
    better, even = np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(4)
    mean, bound = mean_regret([better, even])
    assert mean == pytest.approx(0.125)
    assert mean < bound <= 0.5
    assert mean_regret([even, even]) == (0.0, 0.0)


def test_guidance_stands_for_the_gradient_at_the_end_in_the_chain_always_and_in_qgf_at_the_last_step(
    tmp_path: Path,
) -> None:
    interface = load_contract(CONTRACT).interface
    checkpoint = load_checkpoint(saved_small(tmp_path / "small", interface, seed=0), interface)
    found = curves(checkpoint, torch.randn(6, interface.observation_dim))
    assert set(found) == set(ESTIMATORS)
    assert found["qgf_chain"].foresight == pytest.approx([1.0] * len(found["qgf"].foresight), abs=1e-4)
    for name in ("qgf", "qgf_chain"):
        assert found[name].foresight[-1] == pytest.approx(1.0, abs=1e-4)
        assert found[name].length[-1] == pytest.approx(1.0, abs=1e-3)
    assert found["qgf"].foresight[0] < 0.999
    assert all(-1.0001 <= cosine <= 1.0001 for curve in found.values() for cosine in curve.steadiness)
    draw(found, tmp_path / "drawn.png")
    assert (tmp_path / "drawn.png").stat().st_size > 1000
    assert len(table(found).splitlines()) == 2 + len(ESTIMATORS)
