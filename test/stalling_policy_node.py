"""The policy node with a slow engine that stalls when a file says so: {"phase": ..., "step": ..., "seconds": ...}.

Phases: "assembly" before a chunk is begun, "walk" before step `step` of it (-1: while it is scored), "sending" before its
message leaves. The file's path is in the environment variable STALL_FILE; it is removed when the stall begins.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from stalling_engine import Stall, StallingEngine

from qgf_ros.inference.engines.engine import Engine, Question, Sample
from qgf_ros.inference.proposer import Timed
from qgf_ros.nodes.policy import PolicyNode
from qgf_ros.nodes.policy_setup import Setup, make_setup
from qgf_ros.nodes.runtime import run

STEP_S = 0.001  # each step takes at least this: long enough that the walk is asked between its steps


class StallFile:
    """State: whether the file is there."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self, phase: str) -> Stall | None:
        """The stall that is due in this phase, once."""
        if not self._path.exists():
            return None
        content = json.loads(self._path.read_text())
        if content["phase"] != phase:
            return None
        self._path.unlink()
        return Stall(content["step"], content["seconds"])


class SlowEngine:
    """Another engine's samples, later."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def description(self) -> str:
        return f"slow {self._engine.description}"

    def sample(self, question: Question) -> Sample:
        def sleep_and_ask(step: int) -> bool:
            time.sleep(STEP_S)
            return question.go_on is None or question.go_on(step)

        time.sleep(STEP_S)
        return self._engine.sample(replace(question, go_on=sleep_and_ask))


class FileStallingEngine:
    """Stalls in the next walk that is asked between its steps, when the file says so."""

    def __init__(self, engine: Engine, file: StallFile) -> None:
        self._engine = engine
        self._file = file

    @property
    def description(self) -> str:
        return self._engine.description

    def sample(self, question: Question) -> Sample:
        stall = self._file.take("walk")
        stalls = {0: stall} if stall is not None else {}
        return StallingEngine(self._engine, stalls, time.sleep).sample(question)


class StallingNode(PolicyNode):
    """Stalls where no engine is asked."""

    def __init__(self, file: StallFile) -> None:
        def stalling(engine: Engine) -> Engine:
            return FileStallingEngine(SlowEngine(engine), file)

        self._file = file
        super().__init__(partial(make_setup, adapt=stalling))

    def _stall(self, phase: str) -> None:
        stall = self._file.take(phase)
        if stall is not None:
            time.sleep(stall.seconds)

    def _serve(self, setup: Setup) -> None:
        if setup.proposer.is_due(time.monotonic()):
            self._stall("assembly")
        super()._serve(setup)

    def _send(self, setup: Setup, timed: Timed) -> Any:
        self._stall("sending")
        super()._send(setup, timed)


if __name__ == "__main__":
    raise SystemExit(run(lambda: StallingNode(StallFile(Path(os.environ["STALL_FILE"])))))
