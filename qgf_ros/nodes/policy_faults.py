"""Rows of the matrix over real processes that concern the policy node and the recorder: the arm never waits for either."""

from __future__ import annotations

import resource
import signal
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from std_msgs.msg import String
from std_srvs.srv import Trigger

from qgf_ros.bags.reader import read_bag
from qgf_ros.errors import QgfError
from qgf_ros.evaluate.matrix_row import MatrixRow
from qgf_ros.graph import Graph
from qgf_ros.nodes import qos
from qgf_ros.nodes.diagnostics import Level, values
from qgf_ros.nodes.fault_graph import COMMAND, POLICY, RECORDER, SIM, FaultGraph
from qgf_ros.nodes.fault_rows import PATIENCE_S, Case, Strike, attempt, goes_on, react, told
from qgf_ros.runner import Process, Sink

TAIL_WITHIN_S = 0.5  # the chunk in play and one on its way, of five actions each
HUNG_S = 1.0
DISK_BYTES = 100_000
WATCH_S = 1.0


def policy_rows(graph: Graph, say: Sink) -> Iterator[MatrixRow]:
    """All of them, on one simulated robot under the shipped policy."""
    with tempfile.TemporaryDirectory(prefix="qgf_faults_") as folder:
        with FaultGraph(graph, {"record": str(Path(folder) / "first")}, (), say) as robot:
            policy = moving(robot)
            yield from engine_rows(robot)
            yield from attempt("policy node hung", lambda: [hung(robot, policy)])
            yield from attempt("recorder: disk full", lambda: [full_disk(robot, robot.start(RECORDER))])
            yield from attempt("policy node SIGTERM", lambda: [ended(robot, policy)])
        second = Path(folder) / "second"
        yield from attempt("recorder killed", lambda: recorder_rows(graph, second, say))


def recorder_rows(graph: Graph, bag: Path, say: Sink) -> Iterator[MatrixRow]:
    """What is recorded on a graph of its own."""
    with FaultGraph(graph, {"record": str(bag)}, (), say) as robot:
        moving(robot)
        yield killed_recorder(robot, robot.start(RECORDER), bag)


def moving(robot: FaultGraph) -> Process:
    """The policy node, with an engine that can be told to fail, and the robot in motion under it."""
    robot.start(SIM)
    robot.start(COMMAND)
    policy = robot.start(POLICY, module="qgf_ros.nodes.faulty_policy_node")
    robot.client.until_active(POLICY, PATIENCE_S * 3)
    robot.start_motion()
    robot.until(robot.moves, "motion")
    return policy


def engine_rows(robot: FaultGraph) -> Iterator[MatrixRow]:
    """The engine runs out of memory, fails, stalls."""
    topic = robot.client.node.create_publisher(String, f"{POLICY}/fault", qos.STATUS)
    robot.until(lambda: topic.get_subscription_count() > 0, "the listener of faults")
    kinds = {
        "policy out of memory": "memory",
        "engine failing": "error",
        "inference stalled for 1 s": "stall 1.0",
    }
    for fault, word in kinds.items():
        strike = partial(topic.publish, String(data=word))
        yield from attempt(fault, partial(engine_row, robot, fault, strike))


def engine_row(robot: FaultGraph, fault: str, strike: Strike) -> Iterator[MatrixRow]:
    """One of them; then the robot is brought into motion again."""
    yield react(robot, Case(fault, "chunk", "tail", "", TAIL_WITHIN_S), strike)
    if "stalled" not in fault:
        robot.client.command(POLICY, "reset", Trigger)
    robot.until(robot.moves, f"motion after {fault}")


def hung(robot: FaultGraph, policy: Process) -> MatrixRow:
    """The policy node is stopped for a second, and goes on: what it then sends is too old or not asked for, or new."""
    case = Case("policy node hung", "chunk", "tail", "", TAIL_WITHIN_S)
    row = react(robot, case, lambda: policy.popen.send_signal(signal.SIGSTOP))
    robot.client.spin(HUNG_S)
    policy.popen.send_signal(signal.SIGCONT)
    robot.until(robot.moves, "motion after it hung")
    return row


def ended(robot: FaultGraph, policy: Process) -> MatrixRow:
    """The policy node is told to end."""
    robot.expect_end(policy)
    case = Case("policy node SIGTERM", "chunk", "tail", "", TAIL_WITHIN_S)
    return react(robot, case, lambda: policy.popen.send_signal(signal.SIGTERM))


def full_disk(robot: FaultGraph, recorder: Process) -> MatrixRow:
    """No file of the recorder may grow any more, as on a full disk: it says so, and the robot goes on."""

    def strike() -> None:
        limit_files(recorder)
        robot.until(lambda: is_broken(robot), "the recorder's word about it", PATIENCE_S)

    robot.until(lambda: records(robot), "a recording")
    return goes_on(robot, "recorder: disk full", "chunk", WATCH_S, strike)


def records(robot: FaultGraph) -> bool:
    """Whether the recorder says that it has messages."""
    status = robot.client.states.get(RECORDER)
    return status is not None and int(values(status).get("messages", "0")) > 0


def limit_files(recorder: Process) -> None:
    """From now on a write beyond `DISK_BYTES` of a file fails."""
    resource.prlimit(recorder.popen.pid, resource.RLIMIT_FSIZE, (DISK_BYTES, DISK_BYTES))


def is_broken(robot: FaultGraph) -> bool:
    """Whether the recorder says that its recording has ended."""
    return robot.client.states[RECORDER].level == Level.ERROR.value


def killed_recorder(robot: FaultGraph, recorder: Process, bag: Path) -> MatrixRow:
    """The robot goes on, and what was written before can be read."""
    robot.until(lambda: records(robot), "a recording")
    robot.client.spin(2 * WATCH_S)  # what it has is on the disk within a second
    row = goes_on(robot, "recorder killed", "chunk", WATCH_S, lambda: kill(robot, recorder))
    case = Case(row.fault, row.phase, "plays on, bag readable", "", row.within)
    seen = f"{row.seen}, {'bag readable' if count(bag) else 'bag lost'}"
    return told(robot, case, seen, row.time or 0.0)


def kill(robot: FaultGraph, process: Process) -> None:
    """kill -9."""
    robot.kill(process, signal.SIGKILL)


def count(bag: Path) -> int:
    """Messages that can be read of a bag that was not finished."""
    found = 0
    try:
        for _ in read_bag(bag):
            found += 1
    except QgfError:
        return found
    return found
