"""What a checkpoint and a report say about the libraries they were made with."""

from __future__ import annotations

import numpy

from qgf_ros.cli.versions import versions_of


def test_a_library_is_named_with_its_version() -> None:
    assert versions_of(["numpy"]) == {"numpy": numpy.__version__}


def test_a_library_that_is_not_installed_is_no_error() -> None:
    """Training needs no simulator, and a ROS installation's rclpy is not from pip."""
    assert versions_of(["no-such-library"]) == {"no-such-library": "not from pip"}
