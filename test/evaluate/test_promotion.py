"""When a candidate is promoted: what the rule promises, over many simulated trials."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.errors import InvalidSetting
from qgf_ros.evaluate.power import power, power_table, smallest_detectable
from qgf_ros.evaluate.promotion import Decision, Rule, verdict

OUTCOMES = st.lists(st.booleans(), max_size=60)


@pytest.mark.parametrize("rate", [0.3, 0.5, 0.7, 0.9])
def test_an_equal_candidate_is_promoted_in_at_most_a_twentieth_of_a_thousand_runs(rate: float) -> None:
    assert power(rate, rate, Rule(), runs=1000).promoted <= 0.05


def test_a_candidate_that_is_ten_points_worse_is_hardly_ever_promoted_and_soon_given_up() -> None:
    found = power(0.7, 0.6, Rule(), runs=1000)
    assert found.promoted <= 0.005
    assert found.kept >= 0.98
    assert found.pairs < 120


def test_a_candidate_that_is_better_by_the_effect_is_given_up_in_at_most_a_twentieth_of_runs() -> None:
    assert power(0.7, 0.8, Rule(effect=0.1), runs=1000).kept <= 0.05


def test_one_that_is_fifteen_points_better_is_promoted() -> None:
    assert power(0.7, 0.85, Rule(), runs=1000).promoted >= 0.95


def test_the_smallest_detectable_gain_is_found_in_four_of_five_runs_and_a_point_less_is_not() -> None:
    rule = Rule(cap=120)
    gain = smallest_detectable(0.7, rule)
    assert gain is not None
    assert power(0.7, 0.7 + gain, rule, runs=300).promoted >= 0.8
    assert power(0.7, 0.7 + gain - 0.01, rule, runs=300).promoted < 0.8


def test_more_pairs_find_less() -> None:
    few, many = (smallest_detectable(0.5, Rule(cap=cap)) for cap in (40, 120))
    assert few is not None
    assert many is not None
    assert few > many


def test_five_pairs_find_nothing() -> None:
    assert smallest_detectable(0.5, Rule(cap=5)) is None


def test_the_power_table_has_no_rates_beyond_one() -> None:
    assert all(row.candidate <= 1.0 for row in power_table(Rule(cap=20), runs=10))


@given(OUTCOMES)
def test_a_candidate_that_does_all_as_its_parent_is_never_promoted(outcomes: list[bool]) -> None:
    found = verdict(outcomes, outcomes, Rule())
    assert found.decision is not Decision.PROMOTE
    assert (found.wins, found.losses) == (0, 0)


@given(OUTCOMES, OUTCOMES)
def test_counts_add_up(candidate: list[bool], parent: list[bool]) -> None:
    found = verdict(candidate, parent, Rule())
    assert found.candidate - found.parent == found.wins - found.losses
    assert found.pairs <= min(len(candidate), len(parent))


@given(OUTCOMES, OUTCOMES, OUTCOMES)
def test_what_comes_after_a_decision_changes_nothing(
    candidate: list[bool], parent: list[bool], later: list[bool]
) -> None:
    count = min(len(candidate), len(parent))
    candidate, parent = candidate[:count], parent[:count]
    before = verdict(candidate, parent, Rule())
    after = verdict(candidate + later, parent + [not value for value in later], Rule())
    assert before.decision is Decision.UNDECIDED or after == before


def test_evidence_stops_at_its_threshold() -> None:
    found = verdict([True] * 100, [False] * 100, Rule())
    assert found.decision is Decision.PROMOTE
    assert found.e_value >= 20.0
    assert verdict([True] * (found.pairs - 1), [False] * 100, Rule()).e_value < 20.0


def test_at_the_cap_the_parent_stays_for_want_of_evidence() -> None:
    mixed = np.random.default_rng(0).random((2, 30)) < 0.5
    found = verdict(mixed[0].tolist(), mixed[1].tolist(), Rule(cap=20))
    assert found.decision is Decision.UNDECIDED
    assert found.pairs == 20


def test_without_a_pair_nothing_is_decided() -> None:
    assert verdict([True], [], Rule()).decision is Decision.UNDECIDED


@pytest.mark.parametrize("change", [{"alpha": 0.0}, {"effect": 1.0}, {"futility": -1.0}, {"cap": 0}])
def test_an_impossible_rule_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(InvalidSetting, match="but it must be"):
        Rule(**change)  # type: ignore[arg-type]
