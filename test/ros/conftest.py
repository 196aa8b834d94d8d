"""Every test gets a namespace of its own, so that what one leaves behind does not disturb the next."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: pip install 'qgf_ros[ros]', or source a ROS 2 installation")

from command_arm import NODE, Arm
from contract_files import write_two_joints
from ros_graph import ENVIRONMENT, Peer, Process, ros

_numbers = itertools.count()


@pytest.fixture(scope="session", autouse=True)
def _ros() -> Iterator[None]:
    with ros():
        yield


@pytest.fixture
def of_this_clone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The nodes that the runner starts find this clone, and this test's domain; what they write stays in the test's folder."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def namespace() -> str:
    """A namespace that no other test uses."""
    return f"test{next(_numbers)}"


@pytest.fixture
def peer(namespace: str) -> Iterator[Peer]:
    """The test's own node."""
    made = Peer(namespace)
    yield made
    made.close()


@pytest.fixture
def start(namespace: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Process]]:
    """Starts a node's module with parameters; all are ended after the test, and what they said is shown if it failed."""
    processes: list[Process] = []

    own = namespace

    def launch(module: str, namespace: str = own, **parameters: object) -> Process:
        log = tmp_path / f"{module}-{len(processes)}.log"
        processes.append(Process(module, namespace, parameters, log))
        return processes[-1]

    yield launch
    for process in processes:
        process.end()
        print(process.said)


@pytest.fixture
def arm(peer: Peer) -> Arm:
    """A robot of two joints."""
    return Arm(peer)


@pytest.fixture
def active(start: Callable[..., Process], arm: Arm, tmp_path: Path) -> Arm:
    """The robot, with an active command node before it that holds."""
    start(NODE, contract=write_two_joints(tmp_path), full_speed_confirmed=True, autostart=True)
    arm.until_certified("the first command", rung="hold", commands="1")
    return arm
