"""Real processes, killed while the arm moves: what was published ends at rest by itself, and no command is missing."""

from __future__ import annotations

import signal
import threading
from itertools import islice
from pathlib import Path

import pytest
from ros_graph import ROOT

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import OutputKind
from qgf_ros.graph import Graph, load_graph
from qgf_ros.nodes.fault_graph import SIM, FaultGraph
from qgf_ros.nodes.killed import longest_gap
from qgf_ros.nodes.kills import draw_phases, kill_command_nodes, kill_policy_nodes
from qgf_ros.nodes.process_faults import verified_row

pytestmark = [pytest.mark.ros, pytest.mark.sim, pytest.mark.usefixtures("of_this_clone")]


@pytest.fixture
def graph() -> Graph:
    return load_graph(ROOT / "config/graphs/closed_loop.yaml")


def phases(count: int) -> list[float]:
    """When to kill, s after motion began."""
    return list(islice(draw_phases(4), count))


@pytest.mark.parametrize("kind", [OutputKind.GROUP, OutputKind.TRAJECTORY])
def test_a_command_node_that_is_killed_leaves_the_joints_inside_the_stopping_bound(
    graph: Graph, kind: OutputKind
) -> None:
    [kill] = kill_command_nodes(graph, kind, 1, draw_phases(4), 1, print)
    assert kill.speed > 0.05
    assert kill.rest_s < 1.0
    assert kill.share <= 1.0, kill
    assert kill.passed
    assert {"phase", "speed", "moved", "lag", "bound"} <= kill.figures().keys()


def test_a_policy_node_that_is_killed_costs_no_command_and_the_arm_rests_on_the_tail(
    graph: Graph, tmp_path: Path
) -> None:
    bag = tmp_path / "bag"
    for kill in kill_policy_nodes(graph, phases(2), bag, print):
        assert kill.ticks > 50
        assert kill.problems == ()
        assert kill.rungs in (("chunk", "tail"), ("tail",))
        assert kill.rest_s is not None
    assert verified_row(bag, load_contract(ROOT / "config/contracts/ur5e_cube.yaml"), print).passed


def test_who_watches_waits_for_what_is_late(graph: Graph) -> None:
    """Else a listener that was deaf for a second would call an arm that rests one that moves, or the other way round."""
    with FaultGraph(graph, {}, (), print) as robot:
        sim = robot.start(SIM)
        robot.until(lambda: bool(robot.heard.measured), "joint states")
        until_ns = robot.now_ns() + 500_000_000
        robot.begin_window()
        sim.popen.send_signal(signal.SIGSTOP)
        silence = threading.Timer(1.5, sim.popen.send_signal, [signal.SIGCONT])
        silence.start()
        robot.watch(until_ns)
        silence.join()
        assert robot.heard.measured[-1].stamp_ns >= until_ns
        assert longest_gap(robot.heard.measured) > 1.0


@pytest.mark.slow
@pytest.mark.parametrize("kind", [OutputKind.GROUP, OutputKind.TRAJECTORY])
def test_ten_command_nodes_killed_in_random_phases(graph: Graph, kind: OutputKind) -> None:
    kills = list(kill_command_nodes(graph, kind, 10, draw_phases(4), 100, print))
    print(f"{kind.value}: largest share of the stopping bound {max(kill.share for kill in kills):.2f}")
    assert [kill for kill in kills if not kill.passed] == []


@pytest.mark.slow
def test_ten_policy_nodes_killed_in_random_phases(graph: Graph, tmp_path: Path) -> None:
    kills = kill_policy_nodes(graph, phases(10), tmp_path / "bag", print)
    assert [kill for kill in kills if not kill.passed] == []
