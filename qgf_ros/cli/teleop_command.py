"""`qgf teleop`: a person moves the robot by the keys of this terminal, through the command node as any policy does."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

HELP = "move the robot by the keys of this terminal, take over from the policy and hand back, mark episodes"
EXAMPLE = "qgf teleop --contract my_contract.yaml    # beside a graph: T takes over, P hands back, G starts"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument("--contract", type=Path, help="contract YAML (default: that of the graph that ships)")
    parser.add_argument("--namespace", default="", help="namespace of the graph")
    parser.add_argument(
        "--speeds",
        default="0.1,0.25,0.5,1.0",
        metavar="S,S,...",
        help="levels of speed, as shares of the most that an action may ask for (default 0.1,0.25,0.5,1.0); + and - change them",
    )
    parser.add_argument(
        "--hold",
        type=float,
        default=0.25,
        metavar="SECONDS",
        help="how long a key that was pressed counts: a terminal tells no release (default 0.25)",
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs until Ctrl-C; returns how many chunks were sent, and `exit_code`."""
    from qgf_ros.nodes.runtime import require_rclpy

    require_rclpy()
    from rclpy.parameter import Parameter

    from qgf_ros.cli.shipped import Shipped
    from qgf_ros.cli.terminal import Terminal
    from qgf_ros.nodes import runtime
    from qgf_ros.nodes.teleop import TeleopNode

    given: dict[str, Any] = {
        "contract": str(arguments.contract or Shipped.of_the_graph().contract),
        "device": "keys",
        "speeds": arguments.speeds.split(","),
        "max_age_s": arguments.hold,
    }
    made: list[TeleopNode] = []

    def make() -> TeleopNode:
        overrides = [Parameter(name, value=value) for name, value in given.items()]
        made.append(TeleopNode(namespace=arguments.namespace, parameter_overrides=overrides))
        assert made[0].keys is not None, "its device is keys"
        print("\n".join([*made[0].keys.lines(), "Ctrl-C   ends"]), flush=True)
        return made[0]

    with Terminal("move the robot by keys (a gamepad needs none: teleop:=joy)") as terminal:
        show = Line()

        def turn(node: TeleopNode, executor: Any) -> None:
            for key in terminal.pressed():
                node.key(key)
            node.turn(executor)
            show(node.words)

        code = runtime.run(make, turn)
    print()
    return {"chunks": made[0].sent if made else 0, "exit_code": code}


class Line:
    """One line that is written over where it changes. State: what it says."""

    def __init__(self) -> None:
        self._said = ""

    def __call__(self, words: str) -> None:
        """Shows these words."""
        if words != self._said:
            print(f"\r{words:<{len(self._said)}}", end="", flush=True)
            self._said = words
