"""How regularly four clocks tick at 100 Hz in a node that also takes 100 joint states a second, and what they cost.

    python bench/tick_clock.py --rounds 3 --busy 0 --priority 10

Each clock runs in a process of its own, in turns; --busy adds processes that compute all the time. Prints, by clock, the
median over the rounds of |interval - 10 ms| (p50, p99), its worst, and the share of a core. Figures: docs/adr/0019.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Callable

import numpy as np

CLOCKS = ("timer", "thread", "between", "polled")
PERIOD_NS = 10_000_000
WORK_S = 0.0003  # of Python in each tick, as the command node's
JOINTS = 7
ENVIRONMENT = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_DOMAIN_ID": str(1 + os.getpid() % 100)}


def feed(priority: int) -> None:
    """Publishes joint states at 100 Hz until it is ended."""
    import rclpy
    from sensor_msgs.msg import JointState

    from qgf_ros.nodes.scheduling import Wishes, schedule

    rclpy.init()
    publisher = rclpy.create_node("feeder").create_publisher(JointState, "joint_states", 10)
    schedule(Wishes(priority // 2))
    zeros = [0.0] * JOINTS
    message = JointState(name=[f"joint{index}" for index in range(JOINTS)])
    message.position, message.velocity, message.effort = (
        array("d", zeros),
        array("d", zeros),
        array("d", zeros),
    )
    due_s = time.monotonic()
    while True:
        due_s += PERIOD_NS * 1e-9
        time.sleep(max(due_s - time.monotonic(), 0.0))
        publisher.publish(message)


class Bench:
    """A lifecycle node with as many services, timers and publishers as the command node, and its tick."""

    def __init__(self, is_polled: bool) -> None:
        import rclpy
        from rclpy.clock import Clock, ClockType
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.lifecycle import LifecycleNode
        from sensor_msgs.msg import JointState
        from std_msgs.msg import Float64MultiArray
        from std_srvs.srv import Trigger

        from qgf_ros.nodes import qos
        from qgf_ros.nodes.polled import Inputs

        rclpy.init()
        self.node = LifecycleNode("ticking")
        self.steady = Clock(clock_type=ClockType.STEADY_TIME)
        for name in ("start", "stop", "reset"):
            self.node.create_service(Trigger, name, lambda _, response: response)
        for _ in range(2):
            self.node.create_timer(1.0, lambda: None, clock=self.steady)
        self.came = 0
        self.inputs = Inputs(self.node, is_polled)
        self.inputs.subscribe(JointState, "joint_states", self._count, qos.SENSOR)
        self._publishers = [self.node.create_publisher(Float64MultiArray, f"out{n}", 10) for n in range(4)]
        self._message = Float64MultiArray(data=array("d", [0.0] * JOINTS))
        self.stamps: list[int] = []
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)

    def _count(self, _message: object) -> None:
        self.came += 1

    def tick(self) -> None:
        """Takes what has come, computes for `WORK_S`, publishes four messages."""
        self.stamps.append(time.monotonic_ns())
        self.inputs.take()
        until_s = time.perf_counter() + WORK_S
        while time.perf_counter() < until_s:
            pass
        for publisher in self._publishers:
            publisher.publish(self._message)

    def spin(self, until_s: float) -> None:
        """Serves callbacks, and ticks where a timer does."""
        while time.monotonic() < until_s:
            self.executor.spin_once(timeout_sec=0.1)


def by_timer(bench: Bench, until_s: float) -> None:
    """An rclpy timer in the executor."""
    bench.node.create_timer(PERIOD_NS * 1e-9, bench.tick, clock=bench.steady)
    bench.spin(until_s)


def by_thread(bench: Bench, until_s: float) -> None:
    """A thread of its own beside the executor's."""

    def run() -> None:
        due_ns = time.monotonic_ns()
        while time.monotonic() < until_s:
            due_ns += PERIOD_NS
            time.sleep(max(due_ns - time.monotonic_ns(), 0) * 1e-9)
            bench.tick()

    thread = threading.Thread(target=run)
    thread.start()
    bench.spin(until_s)
    thread.join()


def by_metronome(bench: Bench, until_s: float) -> None:
    """Between callbacks, in their thread."""
    from qgf_ros.nodes.metronome import Metronome

    metronome = Metronome(bench.tick)
    metronome.start(PERIOD_NS)
    while time.monotonic() < until_s:
        metronome.turn(bench.executor.spin_once)


def measure(clock: str, seconds: float, priority: int) -> dict[str, float]:
    """One clock in this process."""
    from qgf_ros.nodes.scheduling import Wishes, schedule

    ways: dict[str, Callable[[Bench, float], None]] = {
        "timer": by_timer,
        "thread": by_thread,
        "between": by_metronome,
        "polled": by_metronome,
    }
    bench = Bench(is_polled=clock == "polled")
    while not bench.came:
        bench.executor.spin_once(timeout_sec=0.1)
        bench.inputs.take()
    schedule(Wishes(priority))
    gc.collect()
    gc.freeze()
    began_cpu, began_s, bench.came = time.process_time(), time.monotonic(), 0
    ways[clock](bench, began_s + seconds)
    core = (time.process_time() - began_cpu) / (time.monotonic() - began_s)
    apart = np.abs(np.diff(bench.stamps[10:]) - PERIOD_NS) * 1e-6
    p50, p99 = np.quantile(apart, [0.5, 0.99])
    return {"p50_ms": p50, "p99_ms": p99, "worst_ms": float(apart.max()), "core": core, "came": bench.came}


def main() -> None:
    """Runs the clocks in turns and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--busy", type=int, default=0, help="processes that compute all the time")
    parser.add_argument("--priority", type=int, default=10, help="under SCHED_FIFO; 0: none")
    parser.add_argument("--only", choices=[*CLOCKS, "feed"], help="used by this program itself")
    given = parser.parse_args()
    if given.only == "feed":
        feed(given.priority)
    elif given.only:
        print(json.dumps(measure(given.only, given.seconds, given.priority)), flush=True)
        os._exit(0)  # rclpy would wait for threads that have nothing more to say
    else:
        show(given, rounds(given))


def rounds(given: argparse.Namespace) -> dict[str, list[dict[str, float]]]:
    """The figures of every round, by clock."""
    environment = os.environ | ENVIRONMENT
    itself = [
        sys.executable,
        __file__,
        "--priority",
        str(given.priority),
        "--seconds",
        str(given.seconds),
        "--only",
    ]
    others = [subprocess.Popen([*itself, "feed"], env=environment)]
    others += [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(given.busy)]
    found: dict[str, list[dict[str, float]]] = {clock: [] for clock in CLOCKS}
    try:
        for _ in range(given.rounds):
            for clock in CLOCKS:
                done = subprocess.run(
                    [*itself, clock], env=environment, stdout=subprocess.PIPE, text=True, check=True
                )
                found[clock].append(json.loads(done.stdout.splitlines()[-1]))
    finally:
        for process in others:
            process.kill()
    return found


def show(given: argparse.Namespace, found: dict[str, list[dict[str, float]]]) -> None:
    """Prints the table."""
    print(
        f"{given.busy} busy processes, priority {given.priority}, {given.rounds} rounds of {given.seconds:g} s"
    )
    for clock, rows in found.items():
        middle = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
        print(
            f"{clock:<8}  p50 {middle['p50_ms']:.3f} ms  p99 {middle['p99_ms']:.3f} ms  worst "
            f"{max(row['worst_ms'] for row in rows):.2f} ms  {middle['core']:.1%} of a core  {middle['came']:.0f} messages"
        )


if __name__ == "__main__":
    main()
