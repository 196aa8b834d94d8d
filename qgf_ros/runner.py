"""Starts the nodes of a graph as processes, for where `ros2 launch` is not installed: demo, tests, plain Python."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from qgf_ros.errors import NodeDiedError
from qgf_ros.graph import NodeSetting

Sink = Callable[[str, str], None]
# Asked politely, then firmly, then ended. A command node needs its seconds: it ramps the robot to rest first.
STAGES = ((signal.SIGINT, 10.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
KEPT_LINES = 200


def command_line(setting: NodeSetting) -> list[str]:
    """How a node is started: the module with ROS arguments in the order in which they override one another.

    With -P, so that no file in the caller's folder stands in for a module.
    """
    node = setting.node
    arguments = [sys.executable, "-P", "-m", node.module, "--ros-args", "-r", f"__node:={node.name}"]
    if setting.namespace:
        arguments += ["-r", f"__ns:=/{setting.namespace}"]
    for source, target in node.remappings.items():
        arguments += ["-r", f"{source}:={target}"]
    for file in setting.params_files:
        arguments += ["--params-file", str(file)]
    for name, value in setting.parameters.items():
        arguments += ["-p", f"{name}:={json.dumps(value)}"]
    for override in setting.overrides:
        arguments += ["-p", override]
    return [*arguments, "--log-level", setting.log_level]


def print_line(name: str, line: str) -> None:
    """The default sink: a line of a node's output with its name before it.

    Text and line end leave in one write: each node's lines come from a thread of their own.
    """
    sys.stdout.write(f"[{name}] {line}\n")
    sys.stdout.flush()


class Process:
    """One started node. Its output is read by a thread of its own, so that it never waits for us."""

    def __init__(self, setting: NodeSetting, sink: Sink) -> None:
        self.name = setting.node.name
        self.lines: list[str] = []
        self._sink = sink
        # A session of its own: Ctrl-C in the terminal reaches only us, and we pass it on once.
        self.popen = subprocess.Popen(
            command_line(setting),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        self._reader = threading.Thread(target=self._forward, name=f"output of {self.name}", daemon=True)
        self._reader.start()

    def _forward(self) -> None:
        assert self.popen.stdout is not None
        for raw in self.popen.stdout:
            line = raw.rstrip()
            self.lines = [*self.lines[1 - KEPT_LINES :], line]
            self._sink(self.name, line)

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self.popen.poll()

    def close(self) -> None:
        """Waits for the last of its output."""
        self._reader.join(timeout=2.0)
        if self.popen.stdout is not None and not self._reader.is_alive():
            self.popen.stdout.close()


class Processes:
    """The started nodes. To be used through `running`; one thread."""

    def __init__(self) -> None:
        self.members: list[Process] = []
        self.began = time.monotonic()

    def exit_codes(self) -> dict[str, int | None]:
        """By node name; None: it runs."""
        return {process.name: process.exit_code for process in self.members}

    def check(self) -> None:
        """Raises NodeDiedError when a node has ended."""
        for process in self.members:
            code = process.exit_code
            if code is not None:
                process.close()
                last_words = next((line for line in reversed(process.lines) if line), "")
                raise NodeDiedError(process.name, code, last_words)

    def watch(self, period_s: float = 0.2) -> None:
        """Returns never; raises NodeDiedError when a node has ended."""
        while True:
            self.check()
            time.sleep(period_s)

    def stop(self) -> None:
        """Ends all: SIGINT, later SIGTERM, at last SIGKILL. Another Ctrl-C meanwhile goes on to the next stage at once."""
        for number, patience_s in STAGES:
            for process in self._alive():
                process.popen.send_signal(number)
            deadline = time.monotonic() + patience_s
            try:
                while self._alive() and time.monotonic() < deadline:
                    time.sleep(0.02)
            except KeyboardInterrupt:
                continue
            if not self._alive():
                break
        for process in self.members:
            process.close()

    def _alive(self) -> list[Process]:
        return [process for process in self.members if process.exit_code is None]


@contextmanager
def running(settings: Sequence[NodeSetting], sink: Sink = print_line) -> Iterator[Processes]:
    """The nodes while the block runs; they are stopped however it ends.

    `settings` come from `graph.settings`; `sink` gets (node name, line) for every line of output, from one thread a node.
    """
    processes = Processes()
    try:
        for setting in settings:
            for line in setting.announcements:
                sink(setting.node.name, line)
            processes.members.append(Process(setting, sink))
        yield processes
    finally:
        processes.stop()
