"""Rows over real processes: where the graph does not answer, a row fails with its sentence, and the others are not lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ros_graph import ROOT

from qgf_ros.errors import NodeSilentError
from qgf_ros.evaluate.matrix_row import MatrixRow
from qgf_ros.graph import load_graph
from qgf_ros.nodes.command_faults import stale_row
from qgf_ros.nodes.fault_graph import FaultGraph
from qgf_ros.nodes.fault_rows import attempt

pytestmark = [pytest.mark.ros, pytest.mark.usefixtures("of_this_clone")]

ROW = MatrixRow("a fault", "chunk", "tail", "tail", 0.1, 0.5, True)
SILENT = NodeSilentError("command_node", "hold stale", 20.0, "")


def rows() -> Iterator[MatrixRow]:
    """One that is there, and one for which the graph is silent."""
    yield ROW
    raise SILENT


def test_what_the_graph_does_not_do_is_a_failed_row_after_those_that_are_there() -> None:
    there, lacking = attempt("a fault", rows)
    assert there is ROW
    assert not lacking.passed
    assert lacking.fault == "a fault"
    assert lacking.seen == str(SILENT)


@pytest.mark.slow
def test_a_graph_that_never_shows_stale_joint_states_gives_a_failed_row_and_no_exception() -> None:
    """No node runs at all: what waits for its reaction says so."""
    graph = load_graph(ROOT / "config/graphs/closed_loop.yaml")
    with FaultGraph(graph, {}, (), print) as robot:
        row = stale_row(robot, "robot driver kill -9", lambda: None)
    assert not row.passed
    assert row.seen.startswith("silence; ")
    assert "hold stale" in row.seen
    assert row.time is None
    assert (row.missed, row.missed_before) == (0, 0)
