"""Keys of the terminal, one by one as they are pressed, without their letters on the screen."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from types import TracebackType

from qgf_ros.errors import NoTerminalError

MOST = 32  # keys between two looks: nobody presses more


class Terminal:
    """State: how the terminal was. To be used in a `with` block; what it was is put back however that ends."""

    def __init__(self, what_for: str, fd: int | None = None) -> None:
        """`what_for` keys are needed, for who has none; `fd` of the terminal, the standard input where none is given.

        Raises:
            NoTerminalError: it is none.
        """
        self._fd = sys.stdin.fileno() if fd is None else fd
        if not os.isatty(self._fd):
            raise NoTerminalError(what_for)
        self._before = termios.tcgetattr(self._fd)

    def __enter__(self) -> Terminal:
        tty.setcbreak(self._fd)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)

    def pressed(self) -> str:
        """What was pressed since the last call. Waits for nothing. An arrow or a function key is several, which start with an escape."""
        if not select.select([self._fd], [], [], 0.0)[0]:
            return ""
        found = os.read(self._fd, MOST).decode("ascii", "ignore")
        return "" if found.startswith("\x1b") else found
