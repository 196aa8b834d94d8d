"""Keys of a terminal: read as they are pressed, and the terminal is left as it was."""

from __future__ import annotations

import os
import pty
import termios
from collections.abc import Iterator

import pytest

from qgf_ros.cli.terminal import Terminal
from qgf_ros.errors import NoTerminalError


@pytest.fixture
def line() -> Iterator[tuple[int, int]]:
    """Both ends of a terminal: the person's and the program's."""
    person, program = pty.openpty()
    yield person, program
    os.close(person)
    os.close(program)


def test_keys_come_as_they_are_pressed_and_nothing_is_waited_for(line: tuple[int, int]) -> None:
    person, program = line
    with Terminal("test", program) as terminal:
        assert terminal.pressed() == ""
        os.write(person, b"wT ")
        assert terminal.pressed() == "wT "
        assert terminal.pressed() == ""


def test_an_arrow_is_no_letter(line: tuple[int, int]) -> None:
    """It is sent as an escape, a bracket and a capital, which would begin an episode."""
    person, program = line
    with Terminal("test", program) as terminal:
        os.write(person, b"\x1b[B")
        assert terminal.pressed() == ""


def test_the_terminal_is_left_as_it_was_however_it_ends(line: tuple[int, int]) -> None:
    _, program = line
    before = termios.tcgetattr(program)
    within = []

    def interrupted() -> None:
        with Terminal("test", program):
            within.append(termios.tcgetattr(program))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert within != [before]
    assert termios.tcgetattr(program) == before


def test_without_a_terminal_there_is_a_sentence() -> None:
    read, write = os.pipe()
    with pytest.raises(NoTerminalError, match="no terminal to press keys: the standard input is a file"):
        Terminal("press keys", read)
    os.close(read)
    os.close(write)
