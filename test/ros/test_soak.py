"""The whole graph in real time for some seconds: every served tick has its command, and the recording tells it all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qgf_ros.bags.decode import decode
from qgf_ros.bags.order import in_order_of_sending
from qgf_ros.bags.reader import Recorded, read_bag
from qgf_ros.cli.main import main
from qgf_ros.nodes.conductor import STANDS

pytestmark = [pytest.mark.ros, pytest.mark.sim, pytest.mark.usefixtures("of_this_clone")]
SECONDS = 12.0


def test_every_tick_that_is_served_has_a_command_and_all_of_it_is_in_the_bag(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written, bag = tmp_path / "soak.json", tmp_path / "bag"
    code = main(["soak", "--minutes", str(SECONDS / 60), "--bag", str(bag), "--json", str(written)])
    figures = json.loads(written.read_text())
    assert figures["seconds"] >= SECONDS
    assert figures["episodes"] >= 1
    assert figures["ticks"] > 100
    assert figures["ticks_without_command"] == figures["missed_ticks"]
    assert code == figures["exit_code"] == int(figures["missed_ticks"] > 0)
    assert sum(figures["rungs"].values()) == figures["episode_ticks"] > 0
    assert figures["rungs"]["chunk"] > 0
    assert figures["latency_ms"]["count"] > 0
    assert figures["jitter_sent_ms"]["count"] > 0
    assert set(figures["cpu_share"]) == {"sim_node", "policy_node", "command_node", "recorder_node"}
    assert "without a command" in capsys.readouterr().out
    entries = list(read_bag(bag))
    assert len(entries) == figures["recorder"]["messages"]
    topics = {entry.topic for entry in entries}
    assert {
        "/joint_states",
        "/policy_node/chunk",
        "/policy_node/report",
        "/command_node/certificate",
        "/command_node/executed",
        "/forward_position_controller/commands",
    } <= topics
    assert all(speed <= STANDS for speed in speeds_at_resets(entries))
    assert main(["verify", str(bag)]) == 0, capsys.readouterr().out


def speeds_at_resets(entries: list[Recorded]) -> list[float]:
    """How fast the command moved, rad/s, when the simulator's arm leapt to a new episode's pose."""
    speed, speeds, seeds = 0.0, [], set()
    for entry in in_order_of_sending(entries):
        if entry.topic == "/command_node/executed":
            speed = max(map(abs, decode(entry).points[0].velocities))
        elif entry.topic == "/sim_node/status":
            status = {pair.key: pair.value for pair in decode(entry).values}
            if status["step"] == "0" and status["seed"] not in seeds:
                seeds.add(status["seed"])
                speeds.append(speed)
    assert speeds
    return speeds
