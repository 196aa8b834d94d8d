"""A command node with a bug: while it holds it goes on to its targets instead of braking."""

from __future__ import annotations

from qgf_ros.control.gate import CommandGate
from qgf_ros.control.played import Played
from qgf_ros.datatypes import Rung
from qgf_ros.nodes.command import CommandNode
from qgf_ros.nodes.runtime import run


class Coasting(CommandGate):
    """Within the limits, but it does not stop."""

    def _stop(self) -> Played:
        return Played(self.limiter.step(self._targets)[0], Rung.HOLD)


class CoastingCommandNode(CommandNode):
    """As the command node otherwise."""

    def _configure(self) -> None:
        super()._configure()
        self._configured()._gate.__class__ = Coasting


if __name__ == "__main__":
    raise SystemExit(run(CoastingCommandNode, lambda node, executor: node.turn(executor)))
