"""`qgf call NODE SERVICE`: what `ros2 service call` and `ros2 param set` do, for machines that have no `ros2`."""

from __future__ import annotations

import argparse
from typing import Any

from qgf_ros.cli.values import assignment

HELP = "start, stop or reset a running node, hand over, mark episodes, pause the simulator, or set a node's parameters"
EXAMPLE = "qgf call command_node start"
SERVICES = (
    *(
        "start",
        "stop",
        "reset",
        "take_over",
        "hand_back",
        "emergency_stop",
        "pause",
        "resume",
        "operate",
        "let_go",
    ),
    *("begin_episode", "success", "failure", "save", "set"),
)
SWITCHES = {
    "pause": ("pause", True),
    "resume": ("pause", False),
    "operate": ("operate", True),
    "let_go": ("operate", False),
}
WAIT_S = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument("node", help="command_node, policy_node, recorder_node or sim_node")
    parser.add_argument(
        "service",
        choices=SERVICES,
        help="take_over, hand_back and emergency_stop are the command node's; begin_episode, success, failure and save the recorder's; "
        "pause and resume, operate and let_go (of its scripted person) the simulator's",
    )
    parser.add_argument(
        "values", nargs="*", metavar="NAME:=VALUE", help="parameters for `set`, such as guidance_weight:=0.1"
    )
    parser.add_argument("--namespace", default="", help="namespace of the node")
    parser.add_argument("--timeout", type=float, default=WAIT_S, help="seconds to wait for the node")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Makes the call; returns what was asked. A refusal is an error with the node's own sentence."""
    from qgf_ros.nodes.runtime import require_rclpy

    require_rclpy()
    from std_srvs.srv import SetBool

    from qgf_ros.errors import InvalidSetting
    from qgf_ros.nodes.graph_client import GraphClient

    node, service = arguments.node, arguments.service
    if (service == "set") != bool(arguments.values):
        raise InvalidSetting("NAME:=VALUE", arguments.values, "given with `set`, and only then")
    with GraphClient("qgf_call", arguments.namespace, (), timeout_s=arguments.timeout) as client:
        if service == "set":
            client.set_parameters(node, dict(assignment(word) for word in arguments.values))
        elif service in SWITCHES:
            name, data = SWITCHES[service]
            client.command(node, name, SetBool, data=data)
        else:
            client.command(node, service)
    print(f"{node}: {service} done")
    return {"node": node, "service": service}
