"""`qgf record`: writes a running graph into a bag, marks episodes by keys, and says at the end what the recording holds."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from qgf_ros.bags.storage import Storage
from qgf_ros.errors import QgfError

HELP = "record a running graph into a bag: topics raw, contract and hash inside, episodes marked by keys, an audit at the end"
EXAMPLE = (
    "qgf record out/monday --contract my_contract.yaml --ring out/saved --json out/audit.json\n"
    "  qgf call recorder_node begin_episode    # the same from elsewhere; success, failure, save likewise"
)
KEYS = {
    "b": "an episode begins",
    "y": "it ends: success",
    "n": "it ends: failure",
    "v": "save the last 30 s (with --ring)",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument(
        "folder", type=Path, nargs="?", help="a new folder for the bag; without one only --ring is kept"
    )
    parser.add_argument("--contract", type=Path, help="contract YAML (default: that of the graph that ships)")
    parser.add_argument(
        "--ring",
        type=Path,
        metavar="FOLDER",
        help="keep the last 30 s in memory; each `save` makes a bag of them below",
    )
    parser.add_argument("--namespace", default="", help="namespace of the graph")
    parser.add_argument(
        "--topic", action="append", default=[], metavar="NAME", help="a further topic (may be repeated)"
    )
    parser.add_argument(
        "--storage",
        choices=[kind.value for kind in Storage],
        default=Storage.MCAP.value,
        help="kind of file (default mcap; sqlite3 has no times of sending, by which `qgf verify` puts messages in order)",
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Records until Ctrl-C; prints the audit and returns its figures, and `exit_code`."""
    from qgf_ros.nodes.runtime import require_rclpy

    require_rclpy()
    from rclpy.parameter import Parameter

    from qgf_ros.cli.shipped import Shipped
    from qgf_ros.cli.terminal import Terminal
    from qgf_ros.nodes import runtime
    from qgf_ros.nodes.recorder import RecorderNode

    given: dict[str, Any] = {
        "contract": str(arguments.contract or Shipped.of_the_graph().contract),
        "record": str(arguments.folder or ""),
        "ring": str(arguments.ring or ""),
        "topics": arguments.topic or [""],
        "storage": arguments.storage,
    }
    made: list[RecorderNode] = []

    def make() -> RecorderNode:
        overrides = [Parameter(name, value=value) for name, value in given.items()]
        made.append(RecorderNode(namespace=arguments.namespace, parameter_overrides=overrides))
        return made[0]

    has_keys = sys.stdin.isatty()
    if has_keys:
        print("\n".join([*(f"{key}   {words}" for key, words in KEYS.items()), "Ctrl-C   ends"]), flush=True)
    with Terminal("mark episodes") if has_keys else nullcontext() as terminal:

        def turn(node: RecorderNode, executor: Any) -> None:
            for key in terminal.pressed() if terminal is not None else "":
                press(node, key)
            node.turn(executor)

        code = runtime.run(make, turn)
    figures: dict[str, Any] = {"folder": str(arguments.folder or ""), "exit_code": code}
    report = made[0].print_audit() if made else None
    return figures if report is None else report.figures | figures


def press(node: Any, key: str) -> None:
    """A key of the person who records; what it comes to is said, also where it is refused."""
    from qgf_ros.bags.episodes import Outcome

    actions = {
        "b": node.begin_episode,
        "y": lambda: node.end_episode(Outcome.SUCCESS),
        "n": lambda: node.end_episode(Outcome.FAILURE),
        "v": node.save,
    }
    action = actions.get(key.lower())
    if action is None:
        return
    try:
        action()
    except QgfError as error:
        print(error, flush=True)
