"""Rows of the matrix over real processes that concern the command node: stops, signals, other publishers, lost sensors."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from std_msgs.msg import Bool, Float64MultiArray
from std_srvs.srv import Trigger

from qgf_ros.errors import NodeRefusedError, NodeSilentError
from qgf_ros.evaluate.matrix_row import MatrixRow
from qgf_ros.graph import Graph
from qgf_ros.nodes import qos
from qgf_ros.nodes.fault_graph import COMMAND, SIM, FaultGraph
from qgf_ros.nodes.fault_rows import (
    AFTER_S,
    PATIENCE_S,
    PHASE_S,
    TAIL_S,
    Case,
    attempt,
    goes_on,
    lacking,
    moving,
    react,
    recover,
    refused,
    told,
)
from qgf_ros.runner import Process, Sink

PERIOD_S = 0.05  # one control period
STALE_S = 0.1
LOOK_S = 1.0  # the command node looks for other publishers four times a second; discovery on one computer takes 0.1 s
TRACKING_S = 0.4  # an arm may follow 0.2 s late, and be away for 0.1 s
ENDS_S = 3.0  # a stop within the contract's limits, and the node's last words
EMERGENCY = "emergency_stop"
EXCEPTION = "exception in a callback"
BEST_EFFORT = ("sim_node:best_effort:=['joint_states']",)


def command_rows(graph: Graph, say: Sink) -> Iterator[MatrixRow]:
    """All of them, on one simulated robot that chunks without a policy keep in motion."""
    with FaultGraph(graph, {}, (), say) as robot:
        driver = robot.start(SIM)
        robot.start(COMMAND)
        robot.sweep(1)
        robot.start_motion()
        robot.until(robot.moves, "motion")
        yield from attempt("emergency stop", lambda: emergency_rows(robot))
        yield from attempt("second publisher on a command topic", lambda: [second_publisher(robot)])
        yield from attempt("joint states lost for 0.3 s", lambda: [lost_joint_states(robot)])
        yield from attempt("controller deactivated", lambda: [deactivated_controller(robot)])
        yield from attempt("robot driver kill -9", lambda: [killed_driver(robot, driver)])


def emergency_rows(robot: FaultGraph) -> Iterator[MatrixRow]:
    """By service and by topic, while a chunk is played, on the tail, and at rest; and the reset that the topic refuses."""
    topic = robot.client.node.create_publisher(Bool, EMERGENCY, qos.STATUS)
    press: dict[str, Callable[[], None]] = {
        "service": lambda: robot.client.command(COMMAND, EMERGENCY, Trigger),
        "topic": lambda: topic.publish(Bool(data=True)),
    }
    phases: dict[str, Callable[[], None]] = {
        "chunk": lambda: None,
        "tail": partial(until_tail, robot),
        "hold": partial(until_hold, robot),
    }
    for way, strike in press.items():
        for phase, reach in phases.items():
            reach()
            yield react(robot, Case(f"emergency stop, {way}", phase, "stop", "emergency", PERIOD_S), strike)
            if way == "topic" and phase == "chunk":
                yield reset_while_pressed(robot)
            topic.publish(Bool(data=False))
            recover(robot, 2)
    robot.client.node.destroy_publisher(topic)


def until_tail(robot: FaultGraph) -> None:
    """No chunk comes any more: the arm is on the last one's tail."""
    robot.sweep(None)
    robot.client.spin(TAIL_S)


def until_hold(robot: FaultGraph) -> None:
    """Told to stop, the arm holds."""
    robot.client.command(COMMAND, "stop", Trigger)
    robot.client.spin(TAIL_S)


def reset_while_pressed(robot: FaultGraph) -> MatrixRow:
    """As long as the topic's last word is true, a reset is refused and the stop stays."""
    case = Case("reset while the emergency stop is pressed", "stop", "stop", "emergency", ENDS_S)
    robot.begin_window()
    sentence = refused(robot, "reset")
    robot.client.spin(AFTER_S)
    reasons = {f"{tick.rung} {tick.values['reason']}" for tick in robot.heard.ticks[1:]}
    seen = " ".join(sorted(reasons)) if sentence else "the reset was taken"
    return told(robot, case, seen, 0.0)


def second_publisher(robot: FaultGraph) -> MatrixRow:
    """Somebody else on the arm's command topic."""
    topic, made = robot.contract.deployment.outputs[0].topic, []
    create = robot.client.node.create_publisher
    case = Case("second publisher on a command topic", "chunk", "hold", "second_publisher", LOOK_S)
    row = react(robot, case, lambda: made.append(create(Float64MultiArray, topic, qos.COMMAND)))
    robot.client.node.destroy_publisher(made[0])
    robot.client.spin(2 * LOOK_S)
    recover(robot, 3)
    return row


def lost_joint_states(robot: FaultGraph) -> MatrixRow:
    """They stay away for a while; when they are back, motion goes on by itself."""
    row = stale_row(robot, "joint states lost for 0.3 s", lambda: inject(robot, "{fault: lost, for_s: 0.3}"))
    robot.until(lambda: robot.heard.ticks[-1].rung == "chunk", "motion after the break", PATIENCE_S)
    return row


def killed_driver(robot: FaultGraph, driver: Process) -> MatrixRow:
    """What stands for the robot's driver and controllers is killed: no joint states come any more."""

    def strike() -> None:
        robot.kill(driver, signal.SIGKILL)

    return stale_row(robot, "robot driver kill -9", strike)


def stale_row(robot: FaultGraph, fault: str, strike: Callable[[], None]) -> MatrixRow:
    """From the last joint states that came until the arm brakes."""
    case = Case(fault, "chunk", "hold", "stale", STALE_S)
    robot.client.spin(PHASE_S)
    robot.begin_window()
    at_ns = robot.now_ns()
    try:
        strike()
        robot.until(lambda: any(map(case.is_met, robot.heard.ticks)), case.expected, PATIENCE_S)
    except (NodeSilentError, NodeRefusedError) as error:
        return lacking(robot, case, at_ns, str(error))
    stale = next(tick for tick in robot.heard.ticks if case.is_met(tick))
    known_ns = max(row.stamp_ns for row in robot.heard.measured if row.stamp_ns < stale.stamp_ns)
    ticks = round((stale.stamp_ns - known_ns) / robot.contract.tick_ns)
    return told(robot, case, case.expected, ticks * robot.contract.tick_ns * 1e-9)


def deactivated_controller(robot: FaultGraph) -> MatrixRow:
    """From the moment at which the arm is too far behind its command until it is stopped."""
    case = Case("controller deactivated", "chunk", "stop", "tracking", TRACKING_S)
    robot.client.spin(PHASE_S)
    robot.begin_window()
    at_ns = robot.now_ns()
    try:
        inject(robot, "{fault: controller_deactivated}")
        robot.until(lambda: any(map(case.is_met, robot.heard.ticks)), case.expected, PATIENCE_S)
    except (NodeSilentError, NodeRefusedError) as error:
        return lacking(robot, case, at_ns, str(error))
    robot.client.spin(AFTER_S)
    stopped = next(tick for tick in robot.heard.ticks if case.is_met(tick))
    limits = robot.contract.deployment.limits
    allowed = np.array([limits[joint].tracking_error for joint in robot.contract.interface.joints])
    known_ns = robot.heard.measured[0].stamp_ns
    behind = [
        row.stamp_ns
        for row in robot.heard.executed
        if row.stamp_ns >= known_ns
        and (np.abs(row.positions - robot.measured_at(row.stamp_ns).positions) > allowed).any()
    ]
    if not behind:
        return lacking(robot, case, at_ns, "no joint was further from its command than allowed")
    ticks = round((stopped.stamp_ns - behind[0]) / robot.contract.tick_ns)
    robot.client.command(SIM, "clear_faults", Trigger)
    row = told(robot, case, case.expected, ticks * robot.contract.tick_ns * 1e-9)
    recover(robot, 4)
    return row


def inject(robot: FaultGraph, fault: str) -> None:
    """Begins a fault of the simulator by hand."""
    robot.client.set_parameters(SIM, {"fault": fault})
    robot.client.command(SIM, "inject", Trigger)


def best_effort_sensor(graph: Graph, say: Sink) -> MatrixRow:
    """In real time sensors are asked for best effort, so that no publisher's reliability can keep them away."""
    with FaultGraph(graph, {}, BEST_EFFORT, say) as robot:
        moving(robot, "")
        return goes_on(robot, "joint_states best effort", "real time", 1.0, lambda: None)


def mismatched_sensor(graph: Graph, say: Sink) -> MatrixRow:
    """In lockstep sensors are asked for reliably: one that is published best effort is named, and nothing moves."""
    case = Case("QoS mismatch on joint_states", "lockstep", "silence", "said by name", PATIENCE_S)
    with FaultGraph(graph, {"lockstep": "true"}, BEST_EFFORT, say) as robot:
        robot.start(SIM)
        command = robot.start(COMMAND)
        at_ns = robot.now_ns()

        def says() -> bool:
            return any("joint_states" in line and "incompatible QoS" in line for line in command.lines)

        try:
            robot.until(says, "a sentence about the mismatch", PATIENCE_S)
        except NodeSilentError as error:
            return lacking(robot, case, at_ns, str(error))
        seen = "silence said by name" if not robot.heard.executed else "commands"
        return told(robot, case, seen, (robot.now_ns() - at_ns) * 1e-9)
