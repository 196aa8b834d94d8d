"""Entry point of the simulator's node: starts, runs until a signal, stops."""

from __future__ import annotations

import signal
import sys
from types import FrameType


def main() -> int:
    """Runs the simulator until SIGINT or SIGTERM, a second of which changes nothing; the exit code."""
    try:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.signals import SignalHandlerOptions

        from qgf_sim.robot_node import RobotNode
    except ImportError as error:
        print(
            f"ERROR: the simulator's node cannot start: {error}; it needs rclpy and qgf_ros[sim].",
            file=sys.stderr,
        )
        return 1
    signals = _Signals()
    rclpy.init(args=sys.argv, signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = RobotNode()
    except (ValueError, ImportError) as error:
        rclpy.logging.get_logger("sim_node").error(str(error))
        rclpy.try_shutdown()
        return 1
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not signals.came:
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


class _Signals:
    """Notes that SIGINT or SIGTERM came; launch sends a second one, which changes nothing."""

    def __init__(self) -> None:
        self.came = False
        signal.signal(signal.SIGINT, self._note)
        signal.signal(signal.SIGTERM, self._note)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.came = True


if __name__ == "__main__":
    raise SystemExit(main())
