"""What may change while the command node runs: the robot's description, and whether a person has confirmed full speed."""

from __future__ import annotations

from collections.abc import Mapping

from rclpy.node import Node
from std_msgs.msg import String

from qgf_ros.errors import QgfError
from qgf_ros.nodes import qos
from qgf_ros.nodes.command_parameters import TABLE
from qgf_ros.nodes.commander import Commander
from qgf_ros.nodes.params import Value, declare, on_change

DESCRIPTION = "robot_description"


class Changes:
    """State: the parameters' values and the newest description, which outlive configuring anew. One thread."""

    def __init__(self, node: Node) -> None:
        """Declares the parameters. Raises UnknownKeys, InvalidSetting as `declare`."""
        self._node = node
        self.values = declare(node, TABLE)
        self.description = ""  # empty: none has come
        self._commander: Commander | None = None
        on_change(node, TABLE, self._on_parameters, self._check_may_change)
        node.create_subscription(String, DESCRIPTION, self._on_description, qos.STATUS)

    def concern(self, commander: Commander | None) -> None:
        """Whom changes reach from now on; None: nobody is configured."""
        self._commander = commander

    def check_description(self, commander: Commander) -> None:
        """Returns where the newest description has been understood. Raises QgfError while it cannot be used."""
        commander.setup.limits.describe(self.description)

    def _on_description(self, message: String) -> None:
        """Its limits are applied at the next reset; while it cannot be used, start and reset are refused."""
        self.description = message.data
        if self._commander is None:
            return
        try:
            self.check_description(self._commander)
        except QgfError as error:
            self._node.get_logger().error(str(error))
            return
        self._node.get_logger().info(self._commander.setup.limits.said)

    def _check_may_change(self) -> None:
        if self._commander is not None:
            self._commander.check_may_confirm()

    def _on_parameters(self, changed: Mapping[str, Value]) -> None:
        self.values |= changed
        if self._commander is not None and "full_speed_confirmed" in changed:
            self._commander.confirm_full_speed(bool(changed["full_speed_confirmed"]))
            self._node.get_logger().warning(self._commander.setup.limits.speed_words)
