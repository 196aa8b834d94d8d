"""`qgf bench latency` and `qgf bench training`: our times and the rivals', side by side in one run. Works in a clone."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HELP = "time engines against their rivals and the machine's floor, or training against JAX, in one interleaved run"
EXAMPLE = "qgf bench latency --quick --json out/latency.json"

LATENCY_TEXT = """the guided sampler, ms a chunk (observation 40, 5 actions of 5, 10 guided steps, 2 critics): engines cpu (fp32,
bf16), onnx and torch against plain autograd, torch.compile, a JAX jit of the same sampler, and the floor, which only reads the weights.
Each side has a process of its own; they take turns, each at 1 and 2 threads, and ratios use each side's best. A row whose p50 is over
1.5 x its minimum is measured again. JAX comes with the extra `bench` (`make bench` installs it); sides that are not there are named."""

TRAINING_TEXT = """one gradient step (policy, two critics, value; 3 x 256, batch 256) against the same step in JAX, in turns, each at 1
and 2 threads: steps/s, and the ratio at each side's best."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument(
        "what",
        choices=("latency", "training"),
        help=f"latency: {LATENCY_TEXT} training: {TRAINING_TEXT}".replace("\n", " "),
    )
    parser.add_argument("--quick", action="store_true", help="fewer sizes and sides: about 2 minutes, not 10")
    parser.add_argument(
        "--nets", nargs="+", metavar="DEPTHxWIDTH", help="latency: default 3x256 4x512 4x1024"
    )
    parser.add_argument(
        "--n", nargs="+", type=int, metavar="N", help="latency: samples a chunk, default 1 4 16"
    )
    parser.add_argument(
        "--threads", nargs="+", type=int, metavar="T", help="thread counts to try, default 1 2"
    )
    parser.add_argument(
        "--sides", nargs="+", metavar="SIDE", help="latency: only these, for example cpu_fp32 jax"
    )
    parser.add_argument("--seconds", type=float, help="time for each size and N")
    parser.add_argument(
        "--curves",
        type=Path,
        metavar="PICTURE",
        help="latency: instead of the table, cost over K, N, ensemble size and width, drawn to PICTURE",
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs the measurement as a program of its own, which prints the table; returns its figures."""
    from qgf_ros.errors import BenchFailed

    program = bench_folder() / f"{arguments.what}.py"
    with tempfile.TemporaryDirectory(prefix="qgf-bench-") as folder:
        figures = Path(folder) / "figures.json"
        words = [sys.executable, str(program), *passed_on(arguments), "--json", str(figures)]
        status = subprocess.run(words, env=os.environ | {"PYTHONPATH": search_path()}, check=False).returncode
        if status != 0:
            raise BenchFailed(program.name, status)
        found: dict[str, Any] = json.loads(figures.read_text())
    return found


def bench_folder() -> Path:
    """The folder bench/ of a clone.

    Raises:
        MissingShareError: qgf_ros was installed without its clone.
    """
    from qgf_ros.share import share_path

    return share_path("bench")


def search_path() -> str:
    """PYTHONPATH for programs in bench/: the clone first."""
    clone = bench_folder().parent
    return os.pathsep.join([str(clone), str(clone / "sim"), os.environ.get("PYTHONPATH", "")]).rstrip(
        os.pathsep
    )


def passed_on(arguments: argparse.Namespace) -> list[str]:
    """The arguments that were given, as words for the program."""
    words = ["--quick"] if arguments.quick else []
    if arguments.what == "training":
        names: tuple[str, ...] = ("threads", "seconds")
    else:
        names = ("nets", "n", "threads", "sides", "seconds", "curves")
    given = vars(arguments)
    for name in names:
        value = given[name]
        if value is not None:
            words += [f"--{name}", *map(str, value if isinstance(value, list) else [value])]
    return words
