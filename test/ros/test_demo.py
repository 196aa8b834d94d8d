"""The demo, as a stranger runs it, on a policy that can do nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from closed_loops import CONTRACT, TASK, saved, tiny_checkpoint

from qgf_ros.contract.load import load_contract

pytestmark = [pytest.mark.ros, pytest.mark.sim, pytest.mark.usefixtures("of_this_clone")]
VERB = [sys.executable, "-m", "qgf_ros.cli.main", "demo"]


@pytest.mark.slow
def test_the_demo_runs_both_rows_and_leaves_report_picture_and_film(tmp_path: Path) -> None:
    checkpoint = saved(tmp_path / "tiny", tiny_checkpoint(load_contract(CONTRACT).interface))
    out = tmp_path / "out"
    words = ["--checkpoint", str(checkpoint), "--episodes", "1", "--out", str(out)]
    done = subprocess.run(
        [*VERB, *words], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((out / "report.json").read_text())
    assert (report["guided"]["success"], report["unguided"]["success"], report["episodes"]) == (0.0, 0.0, 1)
    assert report["guided"]["interval"][0] == 0.0
    assert 0.0 < report["latency_ms"]["p50"] <= report["latency_ms"]["p99"]
    assert 0 <= report["missed_commands"] <= report["commands"]
    assert report["task"] == TASK
    assert {"nodes.log", "report.json", "episodes.png", "episode.mp4"} <= {
        path.name for path in out.iterdir()
    }
    assert "1/2  unguided" in done.stdout
    assert "2/2  guided" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--checkpoint", "nowhere"], "a checkpoint is a folder that `qgf train` wrote"),
        (["--episodes", "0"], "--episodes is 0, but it must be at least 1"),
        (["--contract", "nowhere.yaml"], "There is no file"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(tmp_path: Path, words: list[str], sentence: str) -> None:
    done = subprocess.run(
        [*VERB, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
