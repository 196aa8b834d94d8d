"""Reads a file in a process of its own: libraries in C crash and turn for ever at damaged files (seen with HDF5 2.0).

Whatever happens there is one sentence here. Nothing is pickled between the two: texts are JSON, arrays are their bytes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qgf_ros.bounds import EPISODE_BYTES
from qgf_ros.data.recording import Column, Recording
from qgf_ros.errors import UnreadableFileError

CHILD = "qgf_ros.data.formats.apart_child"
SILENT_S = 60.0  # an episode is read in less, or the library does not come back
HEADER_BYTES = 16 * 1024**2
REFUSED, FACTS, RECORDING, END = "refused", "facts", "recording", "end"


class Apart:
    """A file that is read by the module `reader` of this folder, in a process of its own for each question.

    The module's `read(path, *arguments)` yields a dictionary of facts, and then recordings, each with what it left out and why.
    """

    def __init__(
        self, path: Path, expected: str, reader: str, *arguments: str, silent_s: float = SILENT_S
    ) -> None:
        """Nothing is read yet; `expected` says in messages what the file should be. Silence of `silent_s` ends the reading."""
        self._path, self._expected, self._silent_s = path, expected, silent_s
        self._reader = [reader, str(path), *arguments]

    def facts(self) -> dict[str, Any]:
        """What the reader tells first. Raises UnreadableFileError."""
        with self._running() as receiving:
            found: dict[str, Any] = self._message(receiving)[FACTS]
        return found

    def recordings(self) -> Iterator[tuple[Recording, dict[str, str]]]:
        """Each recording, with what was left out of it: name and reason. Raises UnreadableFileError."""
        with self._running() as receiving:
            self._message(receiving)
            while END not in (message := self._message(receiving)):
                stated = message[RECORDING]
                columns = {
                    name: Column(self._array(receiving, dtype, shape), tuple(names), tuple(units))
                    for name, dtype, shape, names, units in stated["columns"]
                }
                yield (
                    Recording(stated["name"], columns, stated["success"], stated["task"]),
                    stated["left_out"],
                )

    @contextmanager
    def _running(self) -> Iterator[Connection]:
        receiving, sending = Pipe(duplex=False)
        # -P, and no empty path: a module that lies beside somebody's data is not imported
        paths = os.pathsep.join(filter(None, sys.path))
        with (
            closing(receiving),
            subprocess.Popen(
                [sys.executable, "-P", "-m", CHILD, str(sending.fileno()), *self._reader],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(sending.fileno(),),
                env=os.environ | {"PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            ) as child,
        ):
            sending.close()
            try:
                yield receiving
            finally:
                child.kill()

    def _message(self, receiving: Connection) -> dict[str, Any]:
        self._wait(receiving)
        try:
            found: dict[str, Any] = json.loads(receiving.recv_bytes(HEADER_BYTES))
        except (EOFError, OSError) as error:
            raise self._refusal("the library that reads it broke down over it") from error
        if REFUSED in found:
            raise self._refusal(found[REFUSED])
        return found

    def _array(self, receiving: Connection, dtype: str, shape: list[int]) -> npt.NDArray[Any]:
        values = np.empty(shape, np.dtype(dtype))
        assert values.nbytes <= 2 * EPISODE_BYTES, "the reader has checked it"
        self._wait(receiving)
        try:
            receiving.recv_bytes_into(values.reshape(-1).view(np.uint8).data)
        except (EOFError, OSError) as error:
            raise self._refusal("the library that reads it broke down over it") from error
        return values

    def _wait(self, receiving: Connection) -> None:
        if not receiving.poll(self._silent_s):
            raise self._refusal(f"the library that reads it has not come back for {self._silent_s:g} s")

    def _refusal(self, found: str) -> UnreadableFileError:
        return UnreadableFileError(self._path, self._expected, found)
