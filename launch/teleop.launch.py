"""A person's device and the command node: config/graphs/teleop.yaml says what is started, `--show-args` what can be set."""

from launch import LaunchDescription

from qgf_ros.launching import describe


def generate_launch_description() -> LaunchDescription:
    """Return the description that `ros2 launch` asks for."""
    return describe("teleop")
