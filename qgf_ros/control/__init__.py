"""From action chunks to joint commands that a real arm accepts. Imports neither torch nor ROS."""
