"""The plan is the best walk of the ladder that fits the time that is left, at times the policy was trained on."""

from __future__ import annotations

import pytest

from qgf_ros.errors import NoPlanError, OffGridError
from qgf_ros.flow.grid import TimeGrid
from qgf_ros.flow.sampler import SamplerConfig
from qgf_ros.inference.cost import CostBook, WalkCost
from qgf_ros.inference.plan import SAFETY, PlanLevel, Planner, ladder, spread

COST = WalkCost(fixed_s=0.002, critic_s=0.001, step_s=0.001, guided_s=0.004)
WIDE = WalkCost(fixed_s=0.003, critic_s=0.001, step_s=0.0012, guided_s=0.008)
SAMPLER = SamplerConfig(denoise_steps=10, weight=0.03, candidates=4)
GRID = TimeGrid(10)
ORDER = list(PlanLevel)
BUDGETS_S = [n * 0.0005 for n in range(140)]


def book() -> CostBook:
    return CostBook({1: COST, 4: COST, 16: WIDE})


def planner(sampler: SamplerConfig = SAMPLER, grid: TimeGrid = GRID) -> Planner:
    return Planner(sampler, grid, book())


def test_with_time_enough_the_plan_is_the_walk_that_was_asked_for() -> None:
    plan = planner().plan(SAMPLER, float("inf"))
    assert (plan.level, plan.walk) == (PlanLevel.FULL, SAMPLER.walk())


def test_with_no_time_nothing_is_planned() -> None:
    plan = planner().plan(SAMPLER, 0.0)
    assert (plan.level, plan.walk) == (PlanLevel.NONE, None)


@pytest.mark.parametrize("left_s", BUDGETS_S)
def test_a_plan_fits_with_its_safety_and_stays_on_the_grid(left_s: float) -> None:
    plan = planner().plan(SAMPLER, left_s)
    if plan.walk is None:
        assert left_s < planner().cheapest_s(SAMPLER)
        return
    cost_s = {4: COST, 16: WIDE}[plan.walk.candidates].of(plan.walk.steps, plan.walk.guided_steps)
    assert plan.expected_s == pytest.approx(cost_s)
    assert SAFETY * cost_s <= left_s
    assert set(plan.walk.times) <= {k / 10 for k in range(11)}


def test_with_more_time_the_plan_is_never_worse() -> None:
    levels = [ORDER.index(planner().plan(SAMPLER, left_s).level) for left_s in BUDGETS_S]
    assert levels == sorted(levels, reverse=True)
    assert {levels[0], levels[-1]} == {ORDER.index(PlanLevel.NONE), ORDER.index(PlanLevel.FULL)}


def test_every_level_is_used_by_some_time_left() -> None:
    assert {planner().plan(SAMPLER, left_s).level for left_s in BUDGETS_S} == set(PlanLevel)


def test_candidates_are_never_fewer_and_more_where_nothing_is_guided() -> None:
    walks = [option.walk(SAMPLER) for option in ladder(SAMPLER, GRID)]
    assert {walk.candidates for walk in walks if walk.guided_steps} == {4}
    assert {walk.candidates for walk in walks if not walk.guided_steps} == {4, 16}


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 10, 16])
def test_the_last_step_is_always_among_the_guided_and_the_first_only_where_all_are(steps: int) -> None:
    for guided in range(1, steps + 1):
        chosen = spread(guided, steps)
        assert len(chosen) == guided
        assert steps - 1 in chosen
        assert (0 in chosen) == (guided == steps)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7, 16])
def test_there_is_a_ladder_for_any_number_of_steps(steps: int) -> None:
    options = ladder(SamplerConfig(steps, weight=0.03), TimeGrid(steps))
    assert options[0].walk(SAMPLER).guided_steps == steps
    assert options[-1].guided == frozenset()


def test_a_slower_machine_gets_a_smaller_plan() -> None:
    costs = book()
    left_s = 1.01 * SAFETY * COST.of(10, 10)
    planner = Planner(SAMPLER, TimeGrid(10), costs)
    assert planner.plan(SAMPLER, left_s).level is PlanLevel.FULL
    for _ in range(3):
        costs.note(0.01, 0.02, 0.0)
    assert ORDER.index(planner.plan(SAMPLER, left_s).level) > ORDER.index(PlanLevel.FULL)


def test_the_weight_in_force_counts_not_the_one_that_the_ladder_was_made_with() -> None:
    weaker = SamplerConfig(denoise_steps=10, weight=0.01, candidates=4)
    walk = planner().plan(weaker, 1.0).walk
    assert walk is not None
    assert set(walk.weights) == {0.01}


def test_an_unguided_policy_keeps_all_its_steps_where_a_guided_one_could_not() -> None:
    plain = SamplerConfig(denoise_steps=10, weight=0.0, candidates=4)
    left_s = SAFETY * COST.of(10, 0) + 1e-6
    assert planner(plain).plan(plain, left_s).level is PlanLevel.FULL
    assert planner().plan(SAMPLER, left_s).level is not PlanLevel.FULL


def test_a_policy_trained_at_any_time_may_take_steps_of_any_size() -> None:
    seven = SamplerConfig(denoise_steps=7, weight=0.03)
    plan = planner(seven, TimeGrid(10, continuous=True)).plan(seven, 1.0)
    assert plan.walk is not None
    assert plan.walk.steps == 7
    with pytest.raises(OffGridError, match="accepted are 1, 2, 5, 10"):
        planner(seven)


def test_where_a_plan_must_be_its_lack_is_a_sentence_with_figures() -> None:
    least_s = planner().cheapest_s(SAMPLER)
    planner().check_fits(SAMPLER, least_s)
    with pytest.raises(NoPlanError, match=f"takes {least_s * 1e3:.3g} ms, and 1 ms are left"):
        planner().check_fits(SAMPLER, 0.001)
