"""The ROS 2 nodes: wiring around the pure layers. Nothing outside this package and the simulator's node imports rclpy."""
