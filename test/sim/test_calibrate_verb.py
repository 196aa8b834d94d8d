"""`qgf calibrate` makes a detector that the checkpoint's own episodes are then watched by."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("mujoco", reason="needs mujoco: pip install 'qgf_ros[sim]'")
pytest.importorskip("dm_control", reason="needs dm_control: pip install 'qgf_ros[sim]'")

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.cli.main import main
from qgf_ros.contract.load import load_contract
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.evaluate.collect import CollectConfig, collect
from qgf_ros.evaluate.rollouts import make_caution, make_policy, run_episode, standard_rows

pytestmark = [pytest.mark.sim, pytest.mark.slow]

ROOT = Path(__file__).parents[2]


def test_a_checkpoint_gets_a_detector_and_is_watched_by_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, data = tmp_path / "reach", tmp_path / "data"
    shutil.copytree(
        ROOT / "checkpoints/jaco_reach", folder, ignore=shutil.ignore_patterns("detector.*", "seen.json")
    )
    contract_path = ROOT / "config/contracts/jaco_reach.yaml"
    config = CollectConfig(task="jaco-reach-play", slices=1, episodes_per_slice=2, steps=40, noise=0.3)
    list(collect(contract_path, config, data, 1))
    counts = ["--false-alarms", "0.5", "--episodes", "8", "--steps", "20", "--processes", "1"]
    assert main(["calibrate", str(folder), str(data), *counts]) == 0
    assert "flags a usual episode with probability 0.5 at most" in capsys.readouterr().out
    assert (folder / "seen.json").is_file()
    contract = load_contract(contract_path)
    checkpoint, caution = load_checkpoint(folder, contract.interface), make_caution(folder, contract)
    assert caution is not None
    row = next(row for row in standard_rows(checkpoint) if row.watched)
    loop, policy = ClosedLoop(contract, "jaco-reach"), make_policy(checkpoint)
    episodes = [run_episode(loop, policy, row, seed, caution) for seed in range(4)]
    alerts = [(episode.alert, episode.worst_score) for episode in episodes if episode.steps]
    assert alerts  # some begin at their goal
    assert all(alert is not None and alert.flagged == (worst >= 1.0) for alert, worst in alerts)


def test_too_few_episodes_are_refused_in_a_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    checkpoint = str(ROOT / "checkpoints/jaco_reach")
    assert main(["calibrate", checkpoint, str(tmp_path), "--episodes", "10"]) == 2
    assert "episodes is 10, but it must be at least 90" in capsys.readouterr().err
