"""How every node of this package starts and stops: one `run` for all.

rclpy is imported here only inside functions, so that a broken or doubled ROS installation ends in a sentence.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

from qgf_ros.errors import DoubledRosError, MissingRosError, QgfError, RosArgumentsError

if TYPE_CHECKING:
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
    from rclpy.node import Node
    from std_srvs.srv import Trigger

N = TypeVar("N", bound="Node")
WAKE_S = 0.1  # a signal is noticed within this time; a node with timers wakes more often
LINGER_S = 1.0  # after a failed autostart: time for the diagnostic to leave


def serve_callbacks(_node: Node, executor: SingleThreadedExecutor) -> None:
    """A turn of a node that only answers messages, services and timers."""
    executor.spin_once(timeout_sec=WAKE_S)


def run(
    make_node: Callable[[], N], turn: Callable[[N, SingleThreadedExecutor], None] = serve_callbacks
) -> int:
    """Runs one node until SIGINT, SIGTERM or SIGHUP; the exit code. `turn` is called again and again, and must come back soon.

    `make_node` imports and makes the node; it may raise QgfError, of which the user sees the sentence. A lifecycle node
    whose parameter `autostart` is true goes through configure and activate by itself, and ends with 1 if it cannot.
    On a signal it goes through its shutdown transition; a second signal changes nothing. An exception that no callback
    expected is a bug of ours: it is logged, and the node goes the same way, so that a moving arm still brakes; the code is 1.
    """
    stop = _StopFlag()
    try:
        rclpy = require_rclpy()
        _init(rclpy)
    except QgfError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    stop.install()
    try:
        node = make_node()
    except QgfError as error:
        rclpy.logging.get_logger("qgf_ros").error(str(error))
        rclpy.try_shutdown()
        return 1
    try:
        return _spin(node, turn, stop)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def attempt(
    node: LifecycleNode, action: Callable[[], None], report: Callable[[str], None]
) -> TransitionCallbackReturn:
    """Runs a transition's work: SUCCESS, or FAILURE with the sentence of a QgfError logged and handed to `report`.

    Any other exception is a bug of ours: logged with its traceback, ERROR.
    """
    from rclpy.lifecycle import TransitionCallbackReturn

    try:
        action()
    except QgfError as error:
        node.get_logger().error(str(error))
        report(str(error))
        return TransitionCallbackReturn.FAILURE
    except Exception as error:
        _log_bug(node, error)
        report(f"internal error: {error!r}")
        return TransitionCallbackReturn.ERROR
    return TransitionCallbackReturn.SUCCESS


def answer(node: Node, response: Trigger.Response, action: Callable[[], str]) -> Trigger.Response:
    """Runs a service's work: success with its words, or a refusal with the sentence of a QgfError, logged as a warning: whoever
    called is told, and the node is well.
    """
    try:
        response.message = action()
        response.success = True
    except QgfError as error:
        response.success, response.message = False, str(error)
        node.get_logger().warning(str(error))
    return response


def offer(node: Node, name: str, action: Callable[[], str]) -> None:
    """Creates the service `~/name`, which runs `action` as `answer` does."""
    from std_srvs.srv import Trigger

    node.create_service(Trigger, f"~/{name}", lambda _, response: answer(node, response, action))


def check_one_rclpy(search_path: Sequence[str]) -> None:
    """Raises DoubledRosError where both a pip wheel and a ROS installation on the search path offer rclpy."""
    places = {Path(entry or ".").resolve() for entry in search_path}
    offering = sorted(place for place in places if (place / "rclpy" / "__init__.py").is_file())
    wheels = [place for place in offering if any(place.glob("ros_rclpy-*.dist-info"))]
    others = [place for place in offering if place not in wheels]
    if wheels and others:
        raise DoubledRosError(wheels[0], others[0])


def require_rclpy() -> Any:
    """The module rclpy. Raises MissingRosError where there is none, DoubledRosError where there are two."""
    check_one_rclpy(sys.path)
    try:
        import rclpy
        import rclpy.logging
        import rclpy.signals
    except ImportError as error:
        raise MissingRosError(str(error)) from error
    return rclpy


def _init(rclpy: Any) -> None:
    try:
        rclpy.init(args=sys.argv, signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
    except Exception as error:  # rclpy has no public class for it
        raise RosArgumentsError(str(error)) from error


def _spin(node: N, turn: Callable[[N, SingleThreadedExecutor], None], stop: _StopFlag) -> int:
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.lifecycle import LifecycleNode

    executor = SingleThreadedExecutor()
    executor.add_node(node)
    code = 0
    if isinstance(node, LifecycleNode):
        code = _autostart(node)
    deadline = time.monotonic() + LINGER_S
    try:
        while not stop.is_set and (code == 0 or time.monotonic() < deadline):
            turn(node, executor)
    except Exception as error:
        _log_bug(node, error)
        code = 1
    if isinstance(node, LifecycleNode):
        with contextlib.suppress(RuntimeError):  # it is already finalized
            node.trigger_shutdown()
    executor.shutdown()
    return code


def _log_bug(node: Node, error: Exception) -> None:
    node.get_logger().fatal(f"internal error: {error!r}\n{traceback.format_exc()}")


def _autostart(node: LifecycleNode) -> int:
    from rclpy.lifecycle import TransitionCallbackReturn

    if not (node.has_parameter("autostart") and node.get_parameter("autostart").value):
        return 0
    for transition in (node.trigger_configure, node.trigger_activate):
        if transition() is not TransitionCallbackReturn.SUCCESS:
            return 1
    return 0


class _StopFlag:
    """Set by the first SIGINT, SIGTERM or SIGHUP (the terminal was closed); later ones (launch sends a second) change nothing."""

    def __init__(self) -> None:
        self.is_set = False

    def install(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._set)

    def _set(self, _number: int, _frame: FrameType | None) -> None:
        self.is_set = True
