"""Bags: recorded topics in mcap files, in the layout of rosbag2. Times are in ns since 1970."""
