"""Real nodes in their own processes, and a node in the test's process that speaks to them. Waits on events, never on time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 90.0  # on a busy machine loading a simulation takes seconds, discovery 2.5 s; nobody waits this long in vain
EVERYTHING = QoSProfile(depth=2000)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
ENVIRONMENT = {
    "ROS_DOMAIN_ID": str(1 + os.getpid() % 100),
    "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    "MUJOCO_GL": "disable",
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "sim"), str(ROOT / "test")]),
}


class Process:
    """A node in a process of its own; what it says lies in a file."""

    def __init__(self, module: str, namespace: str, parameters: dict[str, object], log: Path) -> None:
        arguments = ["--ros-args", "-r", f"__ns:=/{namespace}"]
        for name, value in parameters.items():
            arguments += ["-p", f"{name}:={str(value).lower() if isinstance(value, bool) else value}"]
        self._log = log
        self._file = log.open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, **ENVIRONMENT},
            stdout=self._file,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
        )

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    @property
    def said(self) -> str:
        """All it printed so far."""
        return self._log.read_text()

    def end(self, number: int = signal.SIGINT) -> int:
        """Sends a signal and gives the exit code."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Its exit code, when it ends by itself."""
        try:
            return self._process.wait(PATIENCE_S)
        finally:
            self._process.kill()
            self._file.close()

    def refusal(self) -> str:
        """The one sentence with which it ends by itself; fails unless that was all it printed, with exit code 1."""
        assert self.wait() == 1
        said = self.said.strip().splitlines()
        assert len(said) == 1, self.said
        return said[0]


class Peer:
    """The test's own node in the graph's namespace."""

    def __init__(self, namespace: str) -> None:
        self.node = Node("tester", namespace=namespace)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)

    def collect(self, kind: type, topic: str, qos: QoSProfile = EVERYTHING) -> list[Any]:
        """A list that grows with every message."""
        found: list[Any] = []
        self.node.create_subscription(kind, topic, found.append, qos)
        return found

    def until(self, is_true: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
        """Serves callbacks until the condition holds; fails by name."""
        deadline = time.monotonic() + patience_s
        while not is_true():
            assert time.monotonic() < deadline, f"waited {patience_s:g} s in vain for {what}"
            self._executor.spin_once(timeout_sec=0.05)

    def call(self, kind: type, service: str, request: Any = None) -> Any:
        """A service's response."""
        client = self.node.create_client(kind, service)
        self.until(client.service_is_ready, f"service {service}")
        future = client.call_async(request if request is not None else kind.Request())
        self.until(future.done, f"the answer of {service}")
        self.node.destroy_client(client)
        return future.result()

    def set_parameter(self, node: str, name: str, value: object) -> bool:
        """Sets a parameter of another node; whether it was taken."""
        from rcl_interfaces.srv import SetParameters

        request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
        return bool(self.call(SetParameters, f"{node}/set_parameters", request).results[0].successful)

    def matched(self, publisher: Any) -> None:
        """Waits until somebody listens to a publisher."""
        self.until(lambda: publisher.get_subscription_count() > 0, f"a subscriber of {publisher.topic_name}")

    def close(self) -> None:
        """Leaves the graph."""
        self._executor.shutdown()
        self.node.destroy_node()


def values(message: Any) -> dict[str, str]:
    """The values of a DiagnosticStatus, or of the first one in an array, by key."""
    status = message.status[0] if isinstance(message, DiagnosticArray) else message
    return {pair.key: pair.value for pair in status.values}


@contextmanager
def ros() -> Iterator[None]:
    """rclpy on this test process's own domain."""
    os.environ.update({key: ENVIRONMENT[key] for key in ("ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE")})
    rclpy.init()
    yield
    rclpy.shutdown()
