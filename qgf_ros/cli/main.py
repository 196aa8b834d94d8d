"""`qgf VERB ...`: finds the verb's module, parses, runs it, writes its figures.

A verb is a module `qgf_ros/cli/VERB_command.py` with HELP, EXAMPLE, `add_arguments(parser)` and `run(arguments)`, which
returns its figures. Only the module of the verb in question is imported, so that a light verb starts at once.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, cast

import qgf_ros
from qgf_ros import cli
from qgf_ros.errors import QgfError

SUFFIX = "_command"
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
EXIT_NO_READER = 141


class Verb(Protocol):
    """What a verb's module offers."""

    HELP: str
    EXAMPLE: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declares the verb's arguments."""
        ...

    def run(self, arguments: argparse.Namespace) -> dict[str, Any]:
        """Does the work, prints for people, returns the figures."""
        ...


def verbs() -> list[str]:
    """The names of all verbs."""
    names = [module.name for module in pkgutil.iter_modules(cli.__path__)]
    return sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))


def load_verb(name: str) -> Verb:
    """The module of a verb."""
    return cast(Verb, importlib.import_module(f"{cli.__name__}.{name}{SUFFIX}"))


def parser_for(wanted: str | None) -> argparse.ArgumentParser:
    """The parser; only the verb `wanted` is declared in full, all of them for None."""
    parser = argparse.ArgumentParser(
        prog="qgf",
        description="Q-guided flow policies: make data, train, measure, run the ROS graph, and check what it does.",
        epilog="`qgf VERB --help` explains a verb and shows an example.",
    )
    parser.add_argument("--version", action="version", version=f"qgf_ros {qgf_ros.__version__}")
    commands = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name in verbs():
        if wanted is not None and name != wanted:
            commands.add_parser(name)
            continue
        verb = load_verb(name)
        child = commands.add_parser(
            name,
            help=verb.HELP,
            description=verb.HELP[0].upper() + verb.HELP[1:] + ".",
            epilog=f"example:\n  {verb.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        verb.add_arguments(child)
        child.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE as JSON")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line. 0: done; 1: the verb says so by its figure `exit_code`; 2: the user's mistake, in one sentence;
    130: interrupted; 141: who read the output wanted no more of it (`qgf ... | head`).
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    wanted = next((word for word in words if word in verbs()), None)
    parsed = parser_for(wanted).parse_args(words)
    for number in (signal.SIGTERM, signal.SIGHUP):  # a closed terminal too must not leave nodes behind
        signal.signal(number, _interrupt)
    try:
        figures = load_verb(parsed.verb).run(parsed)
        if parsed.json is not None:
            write_json(parsed.json, figures)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still to be flushed
        return EXIT_NO_READER
    except QgfError as error:
        print(f"qgf {parsed.verb}: {error}", file=sys.stderr)
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        print(f"qgf {parsed.verb}: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    return int(figures.get("exit_code", 0))


def write_json(path: Path, figures: dict[str, Any]) -> None:
    """Writes figures, making the folder where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
