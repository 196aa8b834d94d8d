"""Real processes under faults: each row of the matrix has its reaction, in its time, and no tick without its commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ros_graph import ROOT

from qgf_ros.evaluate.matrix_row import MatrixRow
from qgf_ros.graph import Graph, load_graph
from qgf_ros.nodes.command_faults import (
    best_effort_sensor,
    command_rows,
    mismatched_sensor,
)
from qgf_ros.nodes.ending_faults import ending_rows
from qgf_ros.nodes.policy_faults import policy_rows

pytestmark = [pytest.mark.ros, pytest.mark.sim, pytest.mark.slow, pytest.mark.usefixtures("of_this_clone")]


@pytest.fixture
def graph() -> Graph:
    return load_graph(ROOT / "config/graphs/closed_loop.yaml")


def failed(rows: Iterator[MatrixRow], least: int) -> list[MatrixRow]:
    """The rows that failed, of at least so many."""
    found = list(rows)
    assert len(found) >= least
    return [row for row in found if not row.passed]


def test_whatever_happens_to_the_policy_node_or_the_recorder_the_arm_never_waits_for_it(graph: Graph) -> None:
    assert failed(policy_rows(graph, print), 7) == []


def test_stops_other_publishers_lost_sensors_and_dead_controllers_are_acted_on_in_time(graph: Graph) -> None:
    assert failed(command_rows(graph, print), 11) == []


def test_whatever_ends_the_command_node_brakes_the_arm_to_rest_first(graph: Graph) -> None:
    assert failed(ending_rows(graph, print), 4) == []


def test_a_sensor_that_never_arrives_is_said_by_name_and_nothing_moves(graph: Graph) -> None:
    row = mismatched_sensor(graph, print)
    assert row.passed, row


def test_in_real_time_a_best_effort_sensor_is_heard(graph: Graph) -> None:
    row = best_effort_sensor(graph, print)
    assert row.passed, row
