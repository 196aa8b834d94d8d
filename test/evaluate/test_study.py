"""What a study may be, and in which words it is refused."""

from __future__ import annotations

from typing import Any

import pytest

from qgf_ros.errors import InvalidSetting, QgfError, UnknownKeys
from qgf_ros.evaluate.study import NINE_WEIGHTS, Study, load_study
from qgf_ros.strict import build
from test.evaluate.studies import CONTENT

FINISHED = {
    "task": "jaco-reach",
    "checkpoint": "checkpoints/jaco_reach",
    "contract": "config/contracts/jaco_reach.yaml",
}


def refused(kind: type[QgfError] = InvalidSetting, **changes: Any) -> str:
    """The sentence in which a study with these changes is refused."""
    with pytest.raises(kind) as raised:
        build(Study, CONTENT | changes, "study.yaml")
    return str(raised.value)


def test_the_base_is_the_default_sampler_unless_another_is_named() -> None:
    assert list(build(Study, CONTENT, "study").methods) == ["default", "unguided", "qgf"]
    assert list(build(Study, CONTENT | {"base": "qgf"}, "study").methods) == ["qgf", "unguided"]


def test_the_same_rows_can_be_compared_with_another_of_its_methods() -> None:
    study = build(Study, CONTENT, "study.yaml")
    other = study.against("qgf")
    assert other.base == "qgf"
    assert next(iter(other.methods)) == "qgf"
    assert other.methods == study.methods
    with pytest.raises(InvalidSetting, match="one of the study's methods: default, unguided, qgf"):
        study.against("best_of_16")


def test_an_unknown_key_is_named() -> None:
    assert "unknown keys seeds; the valid keys are base, cells" in refused(UnknownKeys, seeds=[1])


def cell(**changes: Any) -> dict[str, Any]:
    """A study's cells: one that is trained by a recipe, with these changes."""
    return {"near": CONTENT["cells"]["near"] | changes}


@pytest.mark.parametrize(
    "key", ["train.seed", "train.relabel", "dataset", "train.networks_", "networks.hidden"]
)
def test_a_cell_may_change_of_its_recipe_only_what_is_not_the_studys(key: str) -> None:
    assert f"changes is '{key}', but it must be one of train.networks, train.update," in refused(
        cells=cell(changes={key: 3})
    )


@pytest.mark.parametrize("length", [0, 2000])
def test_a_chunk_length_that_no_contract_may_have_is_refused(length: int) -> None:
    assert f"chunk_length is {length}, but it must be from 1 to" in refused(cells=cell(chunk_length=length))


@pytest.mark.parametrize("change", [{"changes": {"train.steps": 3}}, {"chunk_length": 3}])
def test_what_is_finished_or_has_no_recipe_cannot_be_changed(change: dict[str, Any]) -> None:
    assert "recipe is None, but it must be given where a cell has changes" in refused(
        cells={"near": FINISHED | change}
    )
    named = cell(checkpoint="checkpoints/jaco_reach", **change)
    assert "it must be absent where a cell has changes or a chunk_length" in refused(cells=named)


def test_an_unknown_rival_is_answered_with_the_known_ones() -> None:
    assert refused(rivals=["nobody"]).startswith(
        "rivals is 'nobody', but it must be one of default, full_noise, unguided"
    )
    assert "each once" in refused(rivals=["qgf", "qgf"])
    assert "base is 'best'" in refused(base="best")


def test_reporting_seeds_below_ten_thousand_are_refused() -> None:
    assert refused(first_seed=9999) == "first_seed is 9999, but it must be 10000 or more."


@pytest.mark.parametrize("first", [9999, 10_000, -1])
def test_tuning_on_a_reporting_seed_is_refused(first: int) -> None:
    sentence = refused(tuning={"first_seed": first, "episodes": 2})
    assert "from 0 to 9998: episodes from 10000 up are for reporting alone" in sentence


def test_a_value_for_a_rival_without_a_knob_is_refused() -> None:
    sentence = refused(tuning={"values": {"unguided": [1.0]}})
    assert sentence == "tuning.values is 'unguided', but it must be a rival of the study with a knob: qgf."
    assert "each once" in refused(tuning={"values": {"qgf": [0.1, 0.1]}})


def test_a_cell_that_cannot_be_had_is_refused() -> None:
    assert "given, or a checkpoint and its contract" in refused(cells={"near": {"task": "jaco-reach"}})
    both = CONTENT["cells"]["near"] | {"contract": "x.yaml"}
    assert "absent beside a recipe" in refused(cells={"near": both})
    assert "at least one task" in refused(cells={})


@pytest.mark.parametrize("name", ["../elsewhere", "", "all"])
def test_a_cell_whose_name_can_be_no_folder_is_refused(name: str) -> None:
    assert "made of letters, digits" in refused(cells={name: FINISHED})


def test_one_checkpoint_is_not_many_trainings() -> None:
    assert "a name with {seed} in it" in refused(cells={"near": FINISHED}, training_seeds=[0, 1])
    assert "a name with {seed} in it" in refused(cells={"near": FINISHED}, tuning={"training_seeds": [1]})
    many = FINISHED | {"checkpoint": "checkpoints/jaco-seed{seed}"}
    build(Study, CONTENT | {"cells": {"near": many}, "training_seeds": [0, 1]}, "study")


@pytest.mark.parametrize("changes", [{"training_seeds": []}, {"training_seeds": [1, 1]}, {"episodes": 0}])
def test_counts_that_make_no_study_are_refused(changes: dict[str, Any]) -> None:
    assert "must be" in refused(**changes)


def test_the_way_of_the_paper_tries_its_nine_weights() -> None:
    study = build(Study, CONTENT | {"tuning": {"chosen_on": "reporting"}}, "study")
    assert study.values("qgf") == NINE_WEIGHTS
    assert study.values("unguided") == ()
    assert build(Study, CONTENT | {"tuning": {"chosen_on": "nothing"}}, "study").values("qgf") == ()


def test_what_ships_loads(pytestconfig: pytest.Config) -> None:
    for path in (pytestconfig.rootpath / "config" / "studies").glob("*.yaml"):
        assert load_study(path).name == path.stem
