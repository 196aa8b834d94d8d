"""What `qgf bench` hands on to the programs in bench/, and what it says when they fail."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import pytest

from qgf_ros.cli import bench_command
from qgf_ros.errors import BenchFailed


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """What the verb's parser makes of these words."""
    parser = argparse.ArgumentParser()
    bench_command.add_arguments(parser)
    return parser.parse_args(words)


def test_the_programs_lie_in_the_clone() -> None:
    assert all((bench_command.bench_folder() / f"{name}.py").is_file() for name in ("latency", "training"))


def test_given_arguments_are_handed_on_and_others_are_not() -> None:
    words = ["--quick", "--nets", "3x256", "4x512", "--n", "1", "4", "--seconds", "2.0"]
    assert bench_command.passed_on(parsed(["latency", *words])) == words


def test_training_is_not_asked_for_sizes() -> None:
    words = ["training", "--threads", "1", "--nets", "3x256"]
    assert bench_command.passed_on(parsed(words)) == ["--threads", "1"]


def test_something_else_than_latency_and_training_is_refused() -> None:
    with pytest.raises(SystemExit):
        parsed(["memory"])


def test_a_program_that_fails_is_named_with_its_status() -> None:
    assert "latency.py ended with status 3 and wrote no figures" in str(BenchFailed("latency.py", 3))
