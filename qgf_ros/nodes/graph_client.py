"""Speaks to the nodes of one namespace: waits, calls, parameters, lifecycle. Every wait has an end, and names what it waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from qgf_ros.errors import NodeRefusedError, NodeSilentError
from qgf_ros.nodes import qos
from qgf_ros.nodes.polled import Inputs

ANSWER_S = 20.0  # for one call; configuring loads a checkpoint
TURN_S = 0.02
Check = Callable[[], None]


class GraphClient:
    """A node in a context of its own, to be used in a `with` block, from one thread.

    `check` is called while waiting; it may raise, for example when a node's process has ended. `timeout_s` is how long
    any one answer may take. `states` holds the newest ~/status of the nodes that were named. What `inputs` subscribes to is
    called back while waiting, some 50 times a second, and costs little of a core that others need.
    """

    def __init__(
        self,
        name: str,
        namespace: str,
        watched: tuple[str, ...],
        check: Check = lambda: None,
        timeout_s: float = ANSWER_S,
    ) -> None:
        self.states: dict[str, DiagnosticStatus] = {}
        self._check = check
        self._timeout_s = timeout_s
        self._context = rclpy.Context()
        rclpy.init(args=[], context=self._context)
        self.node = rclpy.create_node(name, context=self._context, namespace=namespace)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._clients: dict[str, Any] = {}
        self.inputs = Inputs(self.node)
        for other in watched:
            on_status = partial(self.states.__setitem__, other)
            self.node.create_subscription(DiagnosticStatus, f"{other}/status", on_status, qos.STATUS)

    def __enter__(self) -> GraphClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self._context)

    def spin(self, seconds: float) -> None:
        """Serves callbacks for this long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._turn()

    def until(
        self, is_there: Callable[[], bool], name: str, what: str, timeout_s: float | None = None
    ) -> None:
        """Serves callbacks until the condition holds. Raises NodeSilentError, naming node `name` and `what`, if it never does."""
        timeout_s = self._timeout_s if timeout_s is None else timeout_s
        deadline = time.monotonic() + timeout_s
        while not is_there():
            self._turn()
            if time.monotonic() > deadline:
                words = "; ".join(f"{node} says '{status.message}'" for node, status in self.states.items())
                raise NodeSilentError(name, what, timeout_s, words)

    def call(self, kind: Any, name: str, service: str, request: Any, timeout_s: float | None = None) -> Any:
        """The response of a node's service. Raises NodeSilentError."""
        topic = f"{name}/{service}"
        if topic not in self._clients:
            self._clients[topic] = self.node.create_client(kind, topic)
        client = self._clients[topic]
        self.until(client.service_is_ready, name, f"the service {service}", timeout_s)
        future = client.call_async(request)
        self.until(future.done, name, f"an answer of {service}", timeout_s)
        return future.result()

    def command(self, name: str, service: str, kind: Any = Trigger, **fields: bool) -> None:
        """Calls a Trigger or SetBool. Raises NodeRefusedError with the node's reason."""
        response = self.call(kind, name, service, kind.Request(**fields))
        if not response.success:
            raise NodeRefusedError(name, service, response.message)

    def command_when_ready(self, name: str, service: str, tries: int) -> None:
        """Calls a Trigger again, a second later each time, while it is refused. Raises NodeRefusedError after `tries`."""
        for _ in range(tries - 1):
            try:
                self.command(name, service)
                return
            except NodeRefusedError:
                self.spin(1.0)
        self.command(name, service)

    def set_parameters(self, name: str, parameters: Mapping[str, bool | int | float | str]) -> None:
        """Sets a node's parameters. Raises NodeRefusedError with the node's reason."""
        messages = [Parameter(key, value=value).to_parameter_msg() for key, value in parameters.items()]
        request = SetParameters.Request(parameters=messages)
        for result in self.call(SetParameters, name, "set_parameters", request).results:
            if not result.successful:
                raise NodeRefusedError(name, "set_parameters", result.reason)

    def change_lifecycle(self, name: str, transition: int) -> None:
        """Takes a node through a transition of `lifecycle_msgs/Transition`. Raises NodeRefusedError if it fails."""
        request = ChangeState.Request(transition=Transition(id=transition))
        if not self.call(ChangeState, name, "change_state", request).success:
            reason = self.states[name].message if name in self.states else ""
            raise NodeRefusedError(name, f"transition {transition}", reason)

    def until_active(self, name: str, timeout_s: float) -> None:
        """Returns when a lifecycle node is active. Raises NodeSilentError."""
        deadline = time.monotonic() + timeout_s
        while self._lifecycle(name, max(deadline - time.monotonic(), 0.1)) != State.PRIMARY_STATE_ACTIVE:
            self.spin(0.1)
            self.until(lambda: time.monotonic() < deadline, name, "becoming active", 0.0)

    def _lifecycle(self, name: str, timeout_s: float) -> int:
        return int(self.call(GetState, name, "get_state", GetState.Request(), timeout_s).current_state.id)

    def _turn(self) -> None:
        self._check()
        self._executor.spin_once(timeout_sec=TURN_S)
        self.inputs.take()
