"""Rows of a study: written whole, read strictly, never taken for others. And the commits that reports print."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from qgf_ros.errors import InvalidSetting, UnknownKeys
from qgf_ros.evaluate.study_rows import Key, Purpose, Rows, code_commit, committed_in
from test.evaluate.studies import a_row, tuning

KEY = Key("near", 0, "qgf", 0.1, Purpose.TUNING)


def test_a_row_comes_back_as_it_was(tmp_path: Path) -> None:
    row = tuning(0.1, [True, False])
    Rows(tmp_path).add(row)
    assert Rows(tmp_path).find(KEY, row.made_from) == row
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["qgf-0.1.json"]


def test_a_row_that_is_not_there_is_none(tmp_path: Path) -> None:
    Rows(tmp_path).add(tuning(0.1, [True]))
    assert Rows(tmp_path).find(replace(KEY, value=0.2), "0123") is None
    assert Rows(tmp_path).find(replace(KEY, purpose=Purpose.REPORTING), "0123") is None


def test_a_row_of_other_weights_is_refused(tmp_path: Path) -> None:
    Rows(tmp_path).add(tuning(0.1, [True]))
    with pytest.raises(InvalidSetting, match=r"move .* away, or give the study another folder"):
        Rows(tmp_path).find(KEY, "4567")


def test_a_row_with_too_few_outcomes_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="4 values"):
        replace(a_row(KEY, [True]), episodes=4)


def test_a_file_that_is_no_row_is_refused(tmp_path: Path) -> None:
    path = tmp_path / KEY.name
    path.parent.mkdir(parents=True)
    path.write_text('{"success": [true]}')
    with pytest.raises(UnknownKeys, match="lacks"):
        Rows(tmp_path).find(KEY, "0123")


def test_outside_a_repository_there_is_no_commit(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert code_commit(tmp_path) is None
    assert committed_in(tmp_path / "file") is None


def test_a_commit_is_that_of_a_file_until_it_changes(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        command = ["git", "-C", str(tmp_path), *who, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    path = tmp_path / "choices.json"
    path.write_text("{}")
    assert committed_in(path) is None
    git("add", "choices.json")
    git("commit", "-qm", "Freeze")
    assert committed_in(path) == code_commit(tmp_path) == git("rev-parse", "HEAD")
    path.write_text("{ }")
    assert committed_in(path) is None
    assert str(code_commit(tmp_path)).endswith("-dirty")
