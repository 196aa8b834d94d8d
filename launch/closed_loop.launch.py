"""Simulated robot, policy and command node: config/graphs/closed_loop.yaml says what is started, `--show-args` what can be set."""

from launch import LaunchDescription

from qgf_ros.launching import describe


def generate_launch_description() -> LaunchDescription:
    """Return the description that `ros2 launch` asks for."""
    return describe("closed_loop")
