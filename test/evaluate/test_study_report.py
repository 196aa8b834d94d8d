"""What a study's report says, and what it does not say."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from qgf_ros.evaluate.hierarchy import Resolved
from qgf_ros.evaluate.study import ChosenOn, Study, Tuning
from qgf_ros.evaluate.study_choice import Frozen, how_chosen
from qgf_ros.evaluate.study_figures import figures, in_words
from qgf_ros.evaluate.study_page import over_time, page, plot
from qgf_ros.evaluate.study_report import MEANS, markdown
from qgf_ros.evaluate.study_rows import Key, Purpose, Row
from test.evaluate.studies import a_row, a_study

PROMISED = {"method", "task", "seeds", "episodes", "success", "interval", "ms_per_action", "train_s"}


def told(study: Study, chosen_on: ChosenOn = ChosenOn.TUNING) -> dict[str, Any]:
    """Figures of a study in which all but the base succeed always."""
    study = replace(study, tuning=Tuning(chosen_on=chosen_on, values={"qgf": (0.1, 0.2)}))
    rows = [
        replace(_row(name, seed, 0.2 if name == "qgf" else None), commit="abc123")
        for name in study.methods
        for seed in study.training_seeds
    ]
    choices = {"near": {"qgf": 0.2}}
    return figures(study, choices, rows, how_chosen(study, Frozen(choices, "abc")))


def _row(name: str, seed: int, value: float | None) -> Row:
    key = Key("near", seed, name, value, Purpose.REPORTING)
    return a_row(key, [name != "default"] * 40, 10_000)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Six trainings of one task."""
    return a_study(tmp_path, training_seeds=tuple(range(6)), episodes=40)


def test_every_method_has_a_row_with_what_is_promised(study: Study) -> None:
    rows = told(study)["rows"]
    assert [row["method"] for row in rows] == ["default", "unguided", "qgf"]
    assert all(row.keys() >= PROMISED for row in rows)
    assert rows[2]["seeds"] == [0, 1, 2, 3, 4, 5]
    assert (rows[2]["episodes"], rows[2]["success"], rows[2]["train_s"]) == (240, 1.0, 2.0)
    assert rows[2]["parent_train_s"] is None


def test_differences_are_against_the_base_row(study: Study) -> None:
    found = told(study)["differences"]
    assert [(row["method"], row["base"], row["mean"]) for row in found] == [
        ("unguided", "default", 1.0),
        ("qgf", "default", 1.0),
    ]
    assert found[1]["words"] == "qgf is above default by 1.00"


def test_an_unresolved_difference_is_not_called_one() -> None:
    words = in_words("qgf", "default", Resolved(0.04, (-0.02, 0.10), 0.086, 12, 1200))
    assert words == "not resolved: no difference is claimed; this study finds one from 0.09 up"
    assert "above" not in words
    below_resolution = in_words("qgf", "default", Resolved(0.07, (0.01, 0.13), 0.086, 12, 1200))
    assert below_resolution == words


def test_a_study_that_can_find_nothing_says_so() -> None:
    words = in_words("qgf", "default", Resolved(0.25, (-0.2, 0.7), 3.5, 2, 4))
    assert words == "not resolved: no difference is claimed; this study finds none, however large"


def test_few_trainings_are_told_beside_what_is_claimed() -> None:
    assert (
        in_words("qgf", "default", Resolved(-0.4, (-0.5, -0.3), 0.2, 2, 200))
        == "qgf is below default by 0.40, of 2 trainings only"
    )


def test_the_report_says_how_values_were_chosen_and_by_which_code(study: Study) -> None:
    report = markdown(told(study))
    assert "chosen on the tuning episodes 0 to 19 of the training seeds 0, 1, 2, 3, 4, 5" in report
    assert "Rows were made by code of commit abc123" in report
    assert "weight 0.2, of 2 tried" in report
    assert "BIASED" not in report
    assert "Nothing was tuned" in markdown(told(study, ChosenOn.NOTHING))


def test_a_biased_study_says_so_first(study: Study) -> None:
    figures = told(study, ChosenOn.REPORTING)
    assert markdown(figures).splitlines()[2].startswith("BIASED")
    assert "<p class=bad>BIASED" in page(figures)


def test_every_line_of_a_table_has_as_many_cells(study: Study) -> None:
    tables = re.findall(r"(?:^\|.*\n)+", markdown(told(study)), re.MULTILINE)
    assert len(tables) == 2
    assert all(len({line.count("|") for line in one.splitlines()}) == 1 for one in tables)


def test_the_page_needs_nothing_beside_it_and_escapes_names(study: Study) -> None:
    html = page(told(replace(study, name="small")) | {"study": "<b>"})
    assert "<h1>&lt;b&gt;</h1>" in html
    assert not re.search(r"(?:src|href)=", html)
    pictures = re.findall(r"<svg.*?</svg>", html)
    assert len(pictures) == 2


def test_of_several_cells_the_means_come_first(tmp_path: Path) -> None:
    one = a_study(tmp_path).cells["near"]
    study = a_study(tmp_path, cells={"near": one, "far": one}, episodes=40)
    study = replace(study, tuning=Tuning(chosen_on=ChosenOn.NOTHING))
    rows = [
        a_row(Key(cell, 0, name, None, Purpose.REPORTING), [cell == "near" and name == "qgf"] * 40, 10_000)
        for cell in study.cells
        for name in study.methods
    ]
    found = figures(study, {}, rows, how_chosen(study, Frozen({})))
    assert [(mean["method"], mean["success"], mean["units"]) for mean in found["means"]] == [
        ("default", 0.0, 2),
        ("unguided", 0.0, 2),
        ("qgf", 0.5, 2),
    ]
    report = markdown(found)
    assert report.index(MEANS) < report.index("## near")
    assert "| qgf | 0.500 |" in report
    assert MEANS in page(found)


def test_of_one_cell_there_are_no_means_beside_its_rows(study: Study) -> None:
    assert told(study)["means"] == []
    assert MEANS not in markdown(told(study))


def test_names_over_time_do_not_lie_on_one_another() -> None:
    close = [(f"method_{index}", 0.2 + 0.001 * index, 0.5 + 0.002 * index) for index in range(8)]
    drawn = over_time([*close, ("far", 2.0, 0.5)])
    tree = ElementTree.fromstring(drawn.replace("class=plot", 'class="plot"'))
    names = {text.text: (float(text.get("x", "")), float(text.get("y", ""))) for text in tree.iter("text")}
    assert len(list(tree.iter("circle"))) == 9
    for one, other in combinations([names[name] for name, _, _ in close], 2):
        assert abs(one[0] - other[0]) >= 50.0 or abs(one[1] - other[1]) >= 12.0
    assert names["far"][0] > max(x for name, (x, _) in names.items() if name and name.startswith("m")) + 100.0


def test_a_plot_draws_a_dot_for_each_mark() -> None:
    drawn = plot([("one", 0.5, (0.4, 0.6), "calm"), ("two", 2.0, (0.0, 3.0), "soft")], 0.0, 1.0)
    tree = ElementTree.fromstring(drawn.replace("class=plot", 'class="plot"'))
    dots = [float(str(dot.get("cx"))) for dot in tree.iter("circle")]
    assert len(dots) == 2
    assert dots[0] == pytest.approx(400.0)
    assert dots[1] == pytest.approx(680.0), "what lies beyond is drawn at the edge"
