"""What the operator, or another part of the graph, does to a command session: strikes of the table of faults."""

from __future__ import annotations

from qgf_ros.datatypes import Sender
from qgf_ros.evaluate.session_loop import SessionLoop

ON_PURPOSE = "an exception, on purpose"


def emergency_called(loop: SessionLoop) -> None:
    """The service."""
    loop.emergency_stop()


def emergency_pressed(loop: SessionLoop) -> None:
    """The topic says true."""
    loop.emergency_stop(is_pressed=True)


def reset_while_pressed(loop: SessionLoop) -> None:
    """The topic says true, and somebody resets all the same: must be refused."""
    loop.emergency_stop(is_pressed=True)
    loop.ask_reset()


def stop(loop: SessionLoop) -> None:
    """The service `~/stop`."""
    loop.stop()


def start(loop: SessionLoop) -> None:
    """The service `~/start`, though the arm moves already."""
    loop.start()


def take_over(loop: SessionLoop) -> None:
    """The service `~/take_over`: from now on a person's chunks are played."""
    loop.session.hand_over(Sender.TELEOP)


def hand_back(loop: SessionLoop) -> None:
    """The service `~/hand_back`: the policy's."""
    loop.session.hand_over(Sender.POLICY)


def half_speed(loop: SessionLoop) -> None:
    """The controller says that it follows at half speed."""
    loop.speed_percent = 50.0


def silent_controller(loop: SessionLoop) -> None:
    """The controller was at half speed, and says nothing any more."""
    loop.session.speed_scaling(50.0, loop.now_ns)
    loop.speed_percent = None


def second_publisher(loop: SessionLoop) -> None:
    """The node has found another publisher on a command topic."""
    loop.session.suspend("second_publisher", "Someone else publishes commands.")


def fail(loop: SessionLoop) -> None:
    """An exception in a callback of the node."""
    loop.session.fail(ON_PURPOSE)
