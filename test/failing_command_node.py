"""A command node with a bug: its service `~/fail` raises what no callback expects."""

from __future__ import annotations

from typing import Any

from std_srvs.srv import Trigger

from qgf_ros.nodes.command import CommandNode
from qgf_ros.nodes.runtime import run


class FailingCommandNode(CommandNode):
    """As the command node otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.create_service(Trigger, "~/fail", self._fail)

    def _fail(self, _request: Any, _response: Any) -> Any:
        raise ZeroDivisionError("a bug of ours")


if __name__ == "__main__":
    raise SystemExit(run(FailingCommandNode, lambda node, executor: node.turn(executor)))
