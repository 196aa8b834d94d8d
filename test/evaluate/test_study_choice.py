"""Knobs are chosen by tuning episodes, written down once, and kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from qgf_ros.errors import InvalidSetting
from qgf_ros.evaluate.study import Cell, ChosenOn, Scope, Tuning
from qgf_ros.evaluate.study_choice import choose, freeze, how_chosen, reporting_keys, tuning_keys
from qgf_ros.evaluate.study_rows import Key, Purpose
from test.evaluate.studies import a_row, a_study, tuning

YES, NO = [True, True], [False, True]


def test_the_value_of_most_success_is_chosen(tmp_path: Path) -> None:
    assert choose(a_study(tmp_path), [tuning(0.1, NO), tuning(0.2, YES)]) == {"near": {"qgf": 0.2}}


def test_of_equals_the_faster_then_the_first_is_chosen(tmp_path: Path) -> None:
    study = a_study(tmp_path)
    assert choose(study, [tuning(0.1, YES), tuning(0.2, YES, steps=5)])["near"]["qgf"] == 0.2
    assert choose(study, [tuning(0.1, YES), tuning(0.2, YES)])["near"]["qgf"] == 0.1


def test_a_choice_for_the_study_is_one_for_all_cells(tmp_path: Path) -> None:
    cell = Cell("jaco-reach", recipe=Path("config/train/smoke.yaml"))
    study = a_study(tmp_path, cells={"near": cell, "far": cell})
    rows = [tuning(0.1, YES), tuning(0.2, [False, False]), tuning(0.1, NO, "far"), tuning(0.2, YES, "far")]
    assert choose(study, rows) == {"near": {"qgf": 0.1}, "far": {"qgf": 0.2}}
    whole = replace(study, tuning=replace(study.tuning, scope=Scope.STUDY))
    assert choose(whole, rows) == {"near": {"qgf": 0.1}, "far": {"qgf": 0.1}}


def test_a_row_of_reporting_seeds_is_refused_for_a_choice(tmp_path: Path) -> None:
    key = Key("near", 0, "qgf", 0.1, Purpose.REPORTING)
    with pytest.raises(InvalidSetting, match="of episodes below 10000"):
        choose(a_study(tmp_path), [a_row(key, YES, first_seed=10_000)])
    with pytest.raises(InvalidSetting, match="of episodes below 10000"):
        choose(a_study(tmp_path), [replace(tuning(0.1, YES), first_seed=9999)])


def test_tuning_asks_for_tuning_rows_only_and_reporting_for_the_chosen_value_only(tmp_path: Path) -> None:
    study = a_study(tmp_path)
    assert {(key.rival, key.value, key.purpose) for key in tuning_keys(study)} == {
        ("qgf", 0.1, Purpose.TUNING),
        ("qgf", 0.2, Purpose.TUNING),
    }
    assert [(key.rival, key.value) for key in reporting_keys(study, {"near": {"qgf": 0.2}})] == [
        ("default", None),
        ("unguided", None),
        ("qgf", 0.2),
    ]


def test_frozen_choices_stay(tmp_path: Path) -> None:
    chosen = {"near": {"qgf": 0.1}}
    assert freeze(tmp_path, chosen, "abc").code_commit == "abc"
    assert freeze(tmp_path, chosen, "def").code_commit == "abc"
    with pytest.raises(InvalidSetting, match="to choose anew, with reporting seeds that nobody has seen"):
        freeze(tmp_path, {"near": {"qgf": 0.2}}, "def")


def test_a_rival_that_joins_later_leaves_the_others_choices_as_they_are(tmp_path: Path) -> None:
    freeze(tmp_path, {"near": {"qgf": 0.1}}, "abc")
    both = {"near": {"qgf": 0.1, "qfql": 0.3}}
    assert freeze(tmp_path, {"near": {"qfql": 0.3}}, "def").choices == both
    assert freeze(tmp_path, {"near": {"qgf": 0.1}}, "ghi").choices == both


def test_choices_that_are_in_no_commit_are_not_called_frozen(tmp_path: Path) -> None:
    study = a_study(tmp_path)
    told = how_chosen(study, freeze(study.results, {"near": {"qgf": 0.1}}, "abc"))
    assert told["frozen_in"] is None
    assert "code of commit abc, and are themselves in no commit: not frozen" in str(told["words"])


def test_the_best_on_the_reported_episodes_is_called_biased(tmp_path: Path) -> None:
    study = a_study(tmp_path, tuning=Tuning(chosen_on=ChosenOn.REPORTING, values={"qgf": (0.1, 0.2)}))
    assert tuning_keys(study) == []
    tried = [key for key in reporting_keys(study, {}) if key.rival == "qgf"]
    assert [key.value for key in tried] == [0.1, 0.2]
    rows = [a_row(key, [key.value == 0.2] * 4, 10_000) for key in tried]
    assert choose(study, rows) == {"near": {"qgf": 0.2}}
    told = how_chosen(study, freeze(tmp_path, {}, None))
    assert told["biased"] is True
    assert str(told["words"]).startswith("BIASED")
