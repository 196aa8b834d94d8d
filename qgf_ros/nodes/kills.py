"""kill -9 at random moments: the command node while the arm moves, the policy node while its chunks are played.

What must hold: after the command node, the joints move no further than v T + v^2 / 2a, with what the bounded jerk adds, beyond
what the drives were behind the last command, and rest within a second; after the policy node, every tick still has its commands,
inside the limits, none is dropped because of it, and the arm comes to rest.
"""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path

import numpy as np
import yaml
from lifecycle_msgs.msg import Transition

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract, OutputKind
from qgf_ros.evaluate.limit_watch import stopping_distance
from qgf_ros.graph import Graph
from qgf_ros.nodes.fault_graph import (
    COMMAND,
    POLICY,
    RECORDER,
    SIM,
    FaultGraph,
)
from qgf_ros.nodes.heard import Certified, Heard
from qgf_ros.nodes.killed import CommandKill, PolicyKill, longest_gap, standing_after
from qgf_ros.runner import Process, Sink
from qgf_ros.strict import read_yaml

PHASE_S = (0.05, 1.2)  # of motion before a kill: several chunks
WATCH_NS = 1_200_000_000  # after it: longer than any stop within the contract's limits takes
MOST_PHASES = 20
TRIES = 3  # of a kill that nobody saw the end of
SPARES = 3  # policy nodes that import PyTorch while others play


def draw_phases(seed: int) -> Iterator[float]:
    """Random times (s) of motion before a kill, without end."""
    random = np.random.default_rng(seed)
    while True:
        yield float(random.uniform(*PHASE_S))


def kill_command_nodes(
    graph: Graph, kind: OutputKind, count: int, phases: Iterator[float], seed: int, say: Sink
) -> Iterator[CommandKill]:
    """Kills so many command nodes in motion, each after the next of the phases (s); the arm's output is of `kind`.

    A kill that is unclear is done again, twice at most.

    Raises as `FaultGraph`.
    """
    base = Path(graph.arguments["contract"].default)
    with tempfile.TemporaryDirectory(prefix="qgf_kills_") as folder:
        path = with_arm_output(load_contract(base), kind, Path(folder) / "config")
        for number in range(count):
            parameters = (controllers(load_contract(path)), f"sim_node:seed:={seed + number}")
            for again in range(TRIES):
                with FaultGraph(graph, {"contract": str(path)}, parameters, say) as robot:
                    kill = replace(_kill_command_node(robot, kind, phases, seed + number), again=again)
                if not kill.is_unclear:
                    break
            yield kill


def _kill_command_node(
    robot: FaultGraph, kind: OutputKind, phases: Iterator[float], seed: int
) -> CommandKill:
    robot.start(SIM)
    command = robot.start(COMMAND)
    robot.sweep(seed)
    robot.start_motion()
    robot.until(robot.moves, "motion")
    phase_s = wait_for_motion(robot, phases)
    at_ns = robot.kill(command, signal.SIGKILL)
    robot.watch(at_ns + WATCH_NS)
    return command_kill(robot, kind, phase_s, at_ns)


def wait_for_motion(robot: FaultGraph, phases: Iterator[float]) -> float:
    """Waits for the next phase (s), and for others after it until it ends in motion; how long that was in all."""
    waited_s = 0.0
    for phase_s in islice(phases, MOST_PHASES):
        robot.client.spin(phase_s)
        waited_s += phase_s
        if robot.moves():
            break
    return waited_s


def command_kill(robot: FaultGraph, kind: OutputKind, phase_s: float, at_ns: int) -> CommandKill:
    """What a kill at `at_ns` (wall clock) led to, from all that was heard."""
    contract, heard = robot.contract, robot.heard
    limits = [contract.deployment.limits[joint] for joint in contract.interface.joints]
    before = robot.measured_at(at_ns)
    later = [row for row in heard.measured if row.stamp_ns >= before.stamp_ns]
    last, period_s = heard.executed[-1], contract.interface.control_period_s
    recent = [row for row in heard.executed if row.stamp_ns > last.stamp_ns - round(period_s * 1e9)]
    planned = [heard.planned.get(joint, 0.0) for joint in contract.interface.joints]
    fastest = np.maximum(np.abs([row.velocities for row in recent]).max(axis=0), planned)
    # Until the next command would have been there; under a trajectory, until it brakes.
    reach_s = contract.tick_ns * 1e-9 + (period_s if kind is OutputKind.TRAJECTORY else 0.0)
    bound = [stopping_distance(v, 0.0, one, reach_s) for v, one in zip(fastest, limits, strict=True)]
    moved = np.abs(np.array([row.positions for row in later]) - before.positions).max(axis=0)
    lag, speed = np.abs(last.positions - before.positions), float(np.abs(last.velocities).max())
    missed = robot.missed(at_ns).before
    rest_s, unheard_s = standing_after(later, at_ns), longest_gap(later)
    return CommandKill(kind, phase_s, speed, moved, lag, np.array(bound), rest_s, missed, unheard_s)


def kill_policy_nodes(graph: Graph, phases: list[float], bag: Path, say: Sink) -> Iterator[PolicyKill]:
    """Kills the policy node in play after each of these phases (s), and lets another go on; all is recorded in `bag`.

    Raises as `FaultGraph`.
    """
    with FaultGraph(graph, {"record": str(bag)}, (), say) as robot:
        robot.start(RECORDER)
        robot.start(SIM)
        robot.start(COMMAND)
        waiting: deque[Process] = deque()
        for number, phase_s in enumerate(phases):
            while len(waiting) < min(SPARES, len(phases) - number):
                waiting.append(start_idle_policy(robot, number + len(waiting)))
            process = waiting.popleft()
            activate_policy(robot, process)
            if number == 0:
                robot.start_motion()
                robot.begin_window()
            robot.until(lambda: bool(robot.heard.chunks) and robot.moves(), f"motion under {process.name}")
            robot.client.spin(phase_s)
            at_ns = robot.kill(process, signal.SIGKILL)
            robot.watch(at_ns + WATCH_NS)
            yield policy_kill(robot, phase_s, at_ns)
            robot.begin_window()
            robot.forget(process)


def start_idle_policy(robot: FaultGraph, number: int) -> Process:
    """A policy node of another name that has imported all it needs, and waits to be configured."""
    remappings = {"~/chunk": f"{POLICY}/chunk"}
    return robot.start(POLICY, f"{POLICY}_{number}", remappings=remappings, autostart=False)


def activate_policy(robot: FaultGraph, process: Process) -> None:
    """Configures and activates an idle policy node. Raises NodeRefusedError, NodeSilentError."""
    for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
        robot.client.change_lifecycle(process.name, transition)


def policy_kill(robot: FaultGraph, phase_s: float, at_ns: int) -> PolicyKill:
    """What a kill at `at_ns` (wall clock) led to, from all that was heard since the policy node before."""
    ticks = robot.heard.ticks
    after = [tick for tick in ticks if tick.stamp_ns >= at_ns]
    problems, rest_s = tuple(robot.problems(at_ns)), seconds_to_rest(robot.heard, at_ns)
    return PolicyKill(phase_s, len(ticks), robot.missed(at_ns), problems, runs(after), rest_s)


def runs(ticks: list[Certified]) -> tuple[str, ...]:
    """The rungs in order, each once as long as it lasts; a hold or a stop with its reason."""
    return tuple(name for name, _ in groupby(tick.told for tick in ticks))


def seconds_to_rest(heard: Heard, at_ns: int) -> float | None:
    """From a moment until the last command that moves, by stamps; None where commands still move at the end."""
    moving = [row.stamp_ns for row in heard.executed if not row.is_at_rest]
    if not heard.executed or (moving and moving[-1] == heard.executed[-1].stamp_ns):
        return None
    return max((moving[-1] - at_ns) * 1e-9, 0.0) if moving else 0.0


def with_arm_output(contract: Contract, kind: OutputKind, folder: Path) -> Path:
    """A copy of a contract, and of all beside it, whose outputs of several joints are of one kind; `folder` is new."""
    shutil.copytree(contract.path.parents[1], folder)
    path = folder / contract.path.parent.name / contract.path.name
    content = read_yaml(contract.path)
    ending = {OutputKind.GROUP: "commands", OutputKind.TRAJECTORY: "joint_trajectory"}[kind]
    for output in content["deployment"]["outputs"]:
        if len(output["joints"]) > 1:
            output["kind"], output["topic"] = kind.value, f"{output['topic'].rpartition('/')[0]}/{ending}"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def controllers(contract: Contract) -> str:
    """The simulator's parameter: a controller for each output of the contract."""
    entries = [
        f"{output.topic.rpartition('/')[0]}:{output.kind.value}:{','.join(output.joints)}"
        for output in contract.deployment.outputs
    ]
    return "sim_node:controllers:=[" + ",".join(f"'{entry}'" for entry in entries) + "]"
