"""Rows of a study that are in the repository are of that study as it stands: a clone reports them at once, and the report says the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from qgf_ros.cli.main import main

ROOT = Path(__file__).parents[2]
STUDIES = ROOT / "docs" / "studies"


def tables(report: str) -> str:
    """What follows from rows alone: the first lines also name the commit of the choices, which a copy is not in."""
    return report[report.index("\n## ") :]


@pytest.mark.parametrize(
    ("name", "base", "report"),
    [
        ("cpu", (), "report.md"),
        ("cpu", ("--base", "qgf"), "report-qgf.md"),
        ("pilot", (), "report.md"),
        ("training_time", (), "report.md"),
    ],
)
def test_a_complete_study_is_reported_from_its_rows_without_training_or_playing(
    name: str,
    base: tuple[str, ...],
    report: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(ROOT)
    results = tmp_path / "results"
    shutil.copytree(STUDIES / name, results)
    rows = {path: path.read_bytes() for path in results.rglob("rows/**/*.json")}
    words = ["--folder", str(results), "--work", str(tmp_path / "work"), "--processes", "1", *base]
    study = f"config/studies/{name}.yaml"
    assert main(["compare", study, "--until", "plan", *words]) == 0
    assert "nothing is missing" in capsys.readouterr().out, "it would train and play for hours"
    assert main(["compare", study, *words]) == 0
    assert {path: path.read_bytes() for path in results.rglob("rows/**/*.json")} == rows
    assert not (tmp_path / "work").exists()
    assert "training " not in capsys.readouterr().out.split(f"# {name}")[0]
    assert tables((results / report).read_text()) == tables((STUDIES / name / report).read_text())
