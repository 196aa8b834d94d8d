"""Feeds many inputs to all loaders and counts what came of them: `python -m fuzz --inputs 100000 --json FILE`.

Each worker is watched: an input that takes more than two seconds of processor time, or thirty of any, is a hang, and its worker is
ended; a worker that dies has crashed. Both are counted, named, and the rest goes on in a new worker. Exit code 1 if anything
but accepted and refused was seen.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from fuzz.targets import Target, make_targets
from fuzz.worker import NUMBER, TIMES, Outcome, work

HANG_CPU_S, HANG_WALL_S = 2.0, 30.0
Plan = list[tuple[str, int]]


class Watched:
    """A worker with its share of the inputs. State: its process, and how far it has come."""

    def __init__(
        self, targets: dict[str, Target], plan: Plan, seed: int, folder: Path, hang_wall_s: float
    ) -> None:
        self._targets, self._plan, self._seed, self._folder = targets, plan, seed, folder
        self._hang_wall_s = hang_wall_s
        self._page = mmap.mmap(-1, mmap.PAGESIZE)
        self._report = os.open(folder / "report.jsonl", os.O_CREAT | os.O_RDWR | os.O_APPEND)
        self._reader = (folder / "report.jsonl").open()
        self._done = 0
        self._process = self._fork()

    def _fork(self) -> int:
        NUMBER.pack_into(self._page, 0, -1)
        process = os.fork()
        if process == 0:
            code = 1
            try:
                work(
                    self._targets,
                    self._plan[self._done :],
                    self._seed,
                    self._page,
                    self._folder,
                    self._report,
                )
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        return process

    def poll(self) -> tuple[list[dict[str, Any]], bool]:
        """New lines of its report, and whether it has finished."""
        ended, status = os.waitpid(self._process, os.WNOHANG)
        lines = self._lines()
        if ended and status == 0 and self._done == len(self._plan):
            return lines, True
        if ended:
            word = f"signal {status & 0x7F}" if status & 0x7F else f"exit code {status >> 8}"
            return [*lines, self._failed(Outcome.CRASHED, word)], self._go_on()
        (place,) = NUMBER.unpack_from(self._page, 0)
        cpu, wall = TIMES.unpack_from(self._page, 0)
        is_late = place >= 0 and (
            self._cpu() - cpu > HANG_CPU_S or time.monotonic() - wall > self._hang_wall_s
        )
        if (
            is_late and NUMBER.unpack_from(self._page, 0)[0] == place
        ):  # still: we may have been slow ourselves
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
            return [*lines, *self._lines(), self._failed(Outcome.HUNG, "")], self._go_on()
        return lines, False

    def close(self) -> None:
        """Lets its files go."""
        self._reader.close()
        os.close(self._report)
        self._page.close()

    def _go_on(self) -> bool:
        if self._done == len(self._plan):
            return True
        self._process = self._fork()
        return False

    def _lines(self) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self._reader]
        self._done += len(found)
        return found

    def _failed(self, outcome: Outcome, words: str) -> dict[str, Any]:
        name, number = self._plan[self._done]
        self._done += 1
        return {
            "name": name,
            "number": number,
            "outcome": outcome.value,
            "ms": 0.0,
            "cpu_ms": 0.0,
            "mib": 0.0,
            "words": words,
        }

    def _cpu(self) -> float:
        fields = Path(f"/proc/{self._process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def plans(targets: dict[str, Target], inputs: int, first: int, jobs: int) -> list[Plan]:
    """The inputs by worker, loaders mixed, each with its share by weight."""
    total = sum(target.weight for target in targets.values())
    shares = {name: -(-inputs * target.weight // total) for name, target in targets.items()}
    whole = sorted((k / share, name, first + k) for name, share in shares.items() for k in range(share))
    return [[(name, number) for _, name, number in whole[:inputs][worker::jobs]] for worker in range(jobs)]


def run(
    targets: dict[str, Target],
    inputs: int,
    seed: int,
    first: int,
    jobs: int,
    folder: Path,
    hang_wall_s: float = HANG_WALL_S,
) -> dict[str, Any]:
    """Figures of a run, with what went wrong."""
    began = time.monotonic()
    workers = []
    for index, plan in enumerate(plans(targets, inputs, first, jobs)):
        (folder / str(index)).mkdir()
        workers.append(Watched(targets, plan, seed, folder / str(index), hang_wall_s))
    counts: dict[str, Counter[str]] = {name: Counter() for name in targets}
    slowest, spent, most = (dict.fromkeys(targets, 0.0) for _ in range(3))
    wrong: list[dict[str, Any]] = []
    while workers:
        for worker in list(workers):
            lines, is_finished = worker.poll()
            if is_finished:
                workers.remove(worker)
                worker.close()
            for line in lines:
                counts[line["name"]][line["outcome"]] += 1
                spent[line["name"]] += line["cpu_ms"]
                slowest[line["name"]] = max(slowest[line["name"]], line["cpu_ms"])
                most[line["name"]] = max(most[line["name"]], line["mib"])
                if line["outcome"] not in ("accepted", "refused"):
                    wrong.append(line)
                    print(json.dumps(line), file=sys.stderr, flush=True)
        time.sleep(0.05)
    total = sum(counts.values(), Counter())
    return {
        "inputs": total.total(),
        "crashes": total["crashed"] + total["bug"],
        "hangs": total["hung"],
        "executions": total["executed"],
        "accepted": total["accepted"],
        "refused": total["refused"],
        "slowest_ms": max(slowest.values()),
        "most_mib": max(most.values()),
        "seconds": time.monotonic() - began,
        "seed": seed,
        "loaders": {
            name: dict(counts[name])
            | {
                "mean_ms": spent[name] / max(1, counts[name].total()),
                "slowest_ms": slowest[name],
                "most_mib": most[name],
            }
            for name in targets
        },
        "wrong": wrong[:50],
    }


def main() -> int:
    """Runs the fuzzer; prints the figures."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first input of each loader")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="one loader, or several with commas between")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qgf-fuzz-") as folder:
        targets = make_targets(Path(folder))
        chosen = {name: targets[name] for name in arguments.only.split(",") if name} or targets
        figures = run(chosen, arguments.inputs, arguments.seed, arguments.first, arguments.jobs, Path(folder))
    text = json.dumps(figures, indent=1)
    print(text)
    if arguments.json is not None:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(text + "\n")
    return 1 if figures["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
