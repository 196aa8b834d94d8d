"""A study goes on from what is there: nothing is run twice, and tuning sees no reporting seed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qgf_ros.checkpoint import CONFIG
from qgf_ros.cli.study_course import Course, Plan
from qgf_ros.cli.study_units import Unit, units_of
from qgf_ros.contract.deployment import ChunkMode
from qgf_ros.contract.load import load_contract
from qgf_ros.data.relabel import Relabel
from qgf_ros.errors import InvalidSetting, UnknownKeys, UnknownTaskError
from qgf_ros.evaluate.study import REPORTING_SEED, Cell, ChosenOn, Study, Tuning, load_study
from qgf_ros.evaluate.study_choice import CHOICES, Choices, freeze
from qgf_ros.evaluate.study_rows import Purpose, Row
from test.evaluate.studies import Player, a_study
from test.small_checkpoints import saved_small

ROOT = Path(__file__).parents[2]
SINGLE = ROOT / "config" / "train" / "ur5e_cube_single.yaml"
CONTRACT = ROOT / "config" / "contracts" / "jaco_reach.yaml"


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Of a finished checkpoint: nothing is to be trained."""
    folder = saved_small(tmp_path / "small", load_contract(CONTRACT).interface, seed=0)
    return a_study(tmp_path, cells={"near": Cell("jaco-reach", checkpoint=str(folder), contract=CONTRACT)})


def test_it_tunes_and_reports_and_a_second_time_plays_nothing(study: Study) -> None:
    player = Player()
    course = Course(study, 1, player)
    rows, choices = course.reported(course.choices())
    assert choices == {"near": {"qgf": 0.2}}
    assert [(row.rival, row.value, row.success) for row in rows] == [
        ("default", None, (False,) * 4),
        ("unguided", None, (False,) * 4),
        ("qgf", 0.2, (True,) * 4),
    ]
    assert len(player.played) == 5
    nobody = Player(most=0)
    again = Course(study, 1, nobody)
    assert again.reported(again.choices()) == (rows, choices)
    assert nobody.played == []


def test_its_plan_is_what_is_left_and_does_nothing(study: Study) -> None:
    nobody = Player(most=0)
    before = Course(study, 1, nobody).plan()
    assert before == Plan([], tuning_episodes=4, reporting_episodes=12)
    assert before.words() == "to play: 4 episodes of tuning, 12 to report"
    assert not study.results.exists()
    with pytest.raises(KeyboardInterrupt):
        _all(study, Player(most=3))
    assert Course(study, 1, nobody).plan() == Plan([], tuning_episodes=0, reporting_episodes=8)
    _all(study, Player())
    after = Course(study, 1, nobody).plan()
    assert after == Plan([], 0, 0)
    assert after.words() == "nothing is missing: the study reports from its rows"


def test_its_plan_writes_no_choices(study: Study) -> None:
    Course(study, 1, Player()).choices()
    (study.results / CHOICES).unlink()
    assert Course(study, 1, Player(most=0)).plan().reporting_episodes == 12
    assert not (study.results / CHOICES).exists()


def test_its_plan_names_what_is_to_be_trained(tmp_path: Path) -> None:
    cells = {"near": Cell("cube-single-task1", SINGLE, recipe_task="task1")}
    study = a_study(tmp_path, cells=cells, training_seeds=(0, 1))
    plan = Course(study, 1, Player(most=0)).plan()
    assert plan.untrained == ["near-seed0", "near-seed1"]
    assert plan.words().startswith("to train: near-seed0, near-seed1; to play: 8 episodes of tuning, 24 to")


def test_rows_of_another_study_serve_where_they_were_made_from_the_same(study: Study) -> None:
    rows, choices = _all(study, Player())
    other = replace(study, folder=study.results.parent / "other", rows_from=(study.results,))
    nobody = Player(most=0)
    assert Course(other, 1, nobody).plan() == Plan([], 0, 0)
    assert _all(other, nobody) == (rows, choices)
    more = replace(other, episodes=5)
    assert Course(more, 1, nobody).plan() == Plan([], tuning_episodes=0, reporting_episodes=15)


def test_an_interrupted_one_plays_only_what_is_left(study: Study) -> None:
    first, second = Player(most=3), Player()
    with pytest.raises(KeyboardInterrupt):
        _all(study, first)
    _all(study, second)
    keys = [play.key for play in (*first.played, *second.played)]
    assert len(keys) == len(set(keys)) == 5


def test_tuning_sees_no_reporting_seed_and_a_report_no_tuning_seed(study: Study) -> None:
    player = Player()
    course = Course(study, 1, player)
    frozen = course.choices()
    assert player.seeds == {0, 1}
    assert max(player.seeds) < REPORTING_SEED
    player.played.clear()
    course.reported(frozen)
    assert player.seeds == set(range(REPORTING_SEED, REPORTING_SEED + 4))
    assert {play.key.purpose for play in player.played} == {Purpose.REPORTING}


def test_without_tuning_sources_constants_are_played(study: Study) -> None:
    player = Player()
    _all(replace(study, tuning=Tuning(chosen_on=ChosenOn.NOTHING)), player)
    assert [play.key.value for play in player.played] == [None] * 3


def test_the_way_of_the_paper_plays_all_values_on_the_reported_episodes_and_shows_the_best(
    study: Study,
) -> None:
    player = Player()
    tuned = Tuning(chosen_on=ChosenOn.REPORTING, values={"qgf": (0.1, 0.2, 0.05)})
    course = Course(replace(study, tuning=tuned), 1, player)
    _, choices = course.reported(course.choices())
    assert choices == {"near": {"qgf": 0.2}}
    assert len(player.played) == 5
    assert min(player.seeds) == REPORTING_SEED


def test_another_checkpoint_does_not_continue_the_rows_of_the_first(study: Study) -> None:
    _all(study, Player())
    folder = Path(str(study.cells["near"].checkpoint))
    content = json.loads((folder / CONFIG).read_text())
    content["defaults"]["guidance_weight"] = 0.7
    (folder / CONFIG).write_text(json.dumps(content))
    with pytest.raises(InvalidSetting, match="made_from"):
        _all(study, Player())


def test_another_number_of_episodes_does_not_either(study: Study) -> None:
    _all(study, Player())
    with pytest.raises(InvalidSetting, match="made_from"):
        _all(replace(study, episodes=5), Player())


def test_choices_that_were_frozen_are_not_chosen_anew(study: Study) -> None:
    freeze(study.results, {"near": {"qgf": 0.1}}, "abc")
    with pytest.raises(InvalidSetting, match=CHOICES):
        _all(study, Player())


def test_a_task_that_does_not_exist_is_refused_before_anything_is_trained(study: Study) -> None:
    with pytest.raises(UnknownTaskError, match="no task 'jaco-dance'"):
        Course(replace(study, cells={"near": replace(study.cells["near"], task="jaco-dance")}), 1, Player())


def test_a_cell_learns_the_task_of_its_recipe_that_it_names(tmp_path: Path) -> None:
    recipe = ROOT / "config" / "train" / "ur5e_cube_double.yaml"
    cells = {name: Cell("cube-double-task1", recipe, recipe_task=name) for name in ("task1", "task2")}
    (first, second) = units_of(a_study(tmp_path, cells=cells), [0])
    assert first.recipe is not None
    assert second.recipe is not None
    assert first.recipe.train.relabel.near[1].point == (0.425, 0.1, 0.02)
    assert second.recipe.train.relabel.near[1].point == (0.5, 0.1, 0.02)
    assert first.digest != second.digest


def changed(folder: Path, **changes: Any) -> Unit:
    """The unit of a cell with changes."""
    cells = {"near": Cell("cube-single-task1", SINGLE, recipe_task="task1", **changes)}
    (unit,) = units_of(a_study(folder, cells=cells), [0])
    return unit


def test_a_cell_changes_its_recipe_and_is_made_from_something_else(tmp_path: Path) -> None:
    plain, wide = changed(tmp_path), changed(tmp_path, changes={"train.networks.hidden": [8, 8]})
    assert plain.recipe is not None
    assert wide.recipe is not None
    train = plain.recipe.train
    assert wide.recipe.train == replace(train, networks=replace(train.networks, hidden=(8, 8)))
    assert wide.digest != plain.digest


def test_a_change_of_what_no_recipe_has_is_refused_and_the_valid_keys_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownKeys, match=r"unknown keys wide; the valid keys are .*hidden"):
        changed(tmp_path, changes={"train.networks.wide": 8})
    with pytest.raises(InvalidSetting, match="a mapping, for a change of more in it"):
        changed(tmp_path, changes={"train.steps.more": 8})


def test_a_cell_with_another_chunk_length_executes_whole_chunks_of_it(tmp_path: Path) -> None:
    plain, long = changed(tmp_path), changed(tmp_path, chunk_length=10)
    contract, other = plain.load_contract(), long.load_contract()
    assert (contract.interface.chunk_length, other.interface.chunk_length) == (5, 10)
    assert other.execution_horizon == 10
    assert other.deployment.chunks.mode is ChunkMode.SYNCHRONOUS
    assert other.deployment.limits == contract.deployment.limits
    assert long.digest != plain.digest


@pytest.mark.parametrize(
    "path", sorted((ROOT / "config" / "studies").glob("*.yaml")), ids=lambda path: path.stem
)
def test_a_study_in_the_repository_can_be_planned(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its recipes, tasks and changes are there; so is every checkpoint, unless it is of a critic that was not kept."""
    monkeypatch.chdir(ROOT)
    study = load_study(path)
    if path.stem in ("claims", "noise"):  # critics of docs/studies/README.md, not in the repository
        return
    assert len(units_of(study, study.training_seeds)) == len(study.cells) * len(study.training_seeds)


@pytest.mark.parametrize("named", [None, "task7"])
def test_a_cell_that_names_none_of_its_recipes_tasks_is_refused(tmp_path: Path, named: str | None) -> None:
    recipe = ROOT / "config" / "train" / "ur5e_cube_double.yaml"
    study = a_study(tmp_path, cells={"near": Cell("cube-double-task1", recipe, recipe_task=named)})
    with pytest.raises(
        InvalidSetting, match=r"cells.near.recipe_task is .*, but it must be one of task1, task2"
    ):
        units_of(study, [0])


def test_a_task_of_a_recipe_that_has_one_is_refused(study: Study) -> None:
    cell = Cell("jaco-reach", ROOT / "config" / "train" / "smoke.yaml", recipe_task="task1")
    with pytest.raises(InvalidSetting, match="has one task"):
        units_of(replace(study, cells={"near": cell}), [0])
    with pytest.raises(InvalidSetting, match="absent without a recipe, and beside relabel"):
        replace(cell, relabel=Relabel())


def test_a_rival_that_learns_needs_a_recipe(study: Study) -> None:
    with pytest.raises(InvalidSetting, match="fql learns, and a recipe says from which data"):
        _all(replace(study, rivals=("fql",), tuning=Tuning(chosen_on=ChosenOn.NOTHING)), Player())


def _all(study: Study, player: Player) -> tuple[list[Row], Choices]:
    course = Course(study, 1, player)
    return course.reported(course.choices())
