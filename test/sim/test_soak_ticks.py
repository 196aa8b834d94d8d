"""The soak in lockstep as CI runs it: 50,000 ticks in two processes with nothing unsafe in them, and the verb that runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("mujoco", reason="needs mujoco: pip install 'qgf_ros[sim]'")
pytest.importorskip("ogbench", reason="needs ogbench: pip install 'qgf_ros[sim]'")

from qgf_ros.cli.main import main
from qgf_ros.evaluate.soak_report import MOST_MB

pytestmark = pytest.mark.sim

FIGURES = {"ticks", "limit_violations", "unverified", "crashes", "rungs", "faults", "seconds"}
FIGURES |= {"rss_growth", "rss_mb_per_100k_ticks"}


def test_the_verb_runs_a_few_ticks_and_writes_its_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "soak.json"
    assert main(["soak", "--ticks", "300", "--episode", "0", "--json", str(file)]) == 0
    written = json.loads(file.read_text())
    assert written.keys() >= FIGURES
    assert written["ticks"] == 300
    assert "0 violations" in capsys.readouterr().out


def test_an_episode_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["soak", "--ticks", "300", "--episode", "1"]) == 2
    assert "--episode is 1, but it must be 0 to 0" in capsys.readouterr().err


def test_a_task_that_is_not_there_is_refused_and_nobody_waits_for_ever(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["soak", "--ticks", "10", "--task", "nothing"]) == 2
    assert "There is no task 'nothing'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("verb", "sentence"),
    [
        (["soak", "--episode", "3"], "--episode is 3, but it must be given with --ticks alone"),
        (["soak", "--ticks", "9", "--bag", "b"], "--bag is 'b', but it must be given with --minutes alone"),
    ],
)
def test_an_argument_of_the_other_way_is_refused(
    verb: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(verb) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    "verb",
    [
        ["soak", "--ticks", "10", "--episode", "0"],
        ["evaluate", "checkpoints/ur5e_cube"],
        ["faults", "--only", "clock"],
    ],
)
def test_a_seed_below_zero_is_refused(verb: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*verb, "--seed", "-1"]) == 2
    assert "--seed is -1, but it must be 0 or more" in capsys.readouterr().err


def test_a_weight_that_is_no_number_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "checkpoints/ur5e_cube", "--weight", "nan"]) == 2
    assert "--weight is nan, but it must be a finite number" in capsys.readouterr().err


@pytest.mark.slow
def test_fifty_thousand_ticks_have_nothing_unsafe_in_them(tmp_path: Path) -> None:
    file = tmp_path / "soak.json"
    assert main(["soak", "--ticks", "50000", "--processes", "2", "--json", str(file)]) == 0
    written = json.loads(file.read_text())
    assert written["troubles"] == []
    assert written["ticks"] == 50_000
    assert written["limit_violations"] == written["unverified"] == written["crashes"] == 0
    assert written["rss_growth"] < 0.05
    assert written["rss_mb_per_100k_ticks"] < MOST_MB
    assert len(written["faults"]) >= 20
    assert written["rungs"]["chunk"] > 0.4 * written["ticks"]
