"""NAME:=VALUE as people write it."""

from __future__ import annotations

import pytest

from qgf_ros.cli.values import assignment
from qgf_ros.errors import InvalidSetting


@pytest.mark.parametrize(
    ("word", "value"),
    [("w:=0.1", 0.1), ("n:=4", 4), ("on:=true", True), ("name:=one_step", "one_step"), ("empty:=", "")],
)
def test_a_value_has_the_type_that_yaml_gives_it(word: str, value: object) -> None:
    assert assignment(word)[1] == value
    assert type(assignment(word)[1]) is type(value)


@pytest.mark.parametrize("word", ["w=0.1", ":=1", "w", "w:=[1, 2]", "w:={"])
def test_what_is_no_assignment_is_refused(word: str) -> None:
    with pytest.raises(InvalidSetting, match="NAME:=VALUE"):
        assignment(word)
