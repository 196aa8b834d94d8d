"""`qgf call` does what `ros2 service call` and `ros2 param set` do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from ros_graph import LATCHED, Peer, values

from qgf_ros.cli.main import EXIT_USER_ERROR, main

pytestmark = [pytest.mark.ros, pytest.mark.sim]


@pytest.fixture
def sim(peer: Peer, start: Callable[..., object]) -> list[DiagnosticStatus]:
    """The newest words of a paused simulator."""
    said = peer.collect(DiagnosticStatus, "sim_node/status", LATCHED)
    start("qgf_sim.node", task="cube-single-task2", seed=3, paused=True)
    peer.until(lambda: said, "the simulator's status", 60.0)
    return said


def test_a_parameter_is_set_and_a_service_called(
    namespace: str, peer: Peer, sim: list[DiagnosticStatus]
) -> None:
    at = ["--namespace", namespace]
    assert main(["call", "sim_node", "set", "seed:=41", *at]) == 0
    assert main(["call", "sim_node", "reset", *at]) == 0
    peer.until(lambda: values(sim[-1])["seed"] == "41", "the reset to seed 41")


def test_the_simulator_goes_on_and_pauses(namespace: str, peer: Peer, sim: list[DiagnosticStatus]) -> None:
    for service, word in (("resume", "false"), ("pause", "true")):
        assert main(["call", "sim_node", service, "--namespace", namespace]) == 0
        peer.until(lambda word=word: values(sim[-1])["paused"].lower() == word, service)


def test_a_node_that_is_not_there_is_named(namespace: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["call", "command_node", "start", "--namespace", namespace, "--timeout", "0.5"]
    assert main(arguments) == EXIT_USER_ERROR
    assert "Waited 0.5 s for the service start from command_node in vain" in capsys.readouterr().err


def test_a_refusal_is_told_in_the_nodes_own_words(
    namespace: str, sim: list[DiagnosticStatus], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["call", "sim_node", "set", "no_such_thing:=1", "--namespace", namespace]
    assert main(arguments) == EXIT_USER_ERROR
    assert "sim_node refused set_parameters" in capsys.readouterr().err


def test_set_without_values_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["call", "sim_node", "set"]) == EXIT_USER_ERROR
    assert "given with `set`, and only then" in capsys.readouterr().err
