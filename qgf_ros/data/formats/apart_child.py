"""The process behind `Apart`: reads one file and sends what is in it. Arguments: a pipe's number, the reader's module, its arguments."""

from __future__ import annotations

import importlib
import json
import math
import resource
import struct
import sys
import time
import zlib
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from qgf_ros.bounds import EPISODE_BYTES, GIB
from qgf_ros.data.formats.apart import END, FACTS, RECORDING, REFUSED, SILENT_S
from qgf_ros.data.recording import Recording
from qgf_ros.errors import QgfError

MEMORY_BYTES = 3 * EPISODE_BYTES + 2 * GIB  # an episode, a copy of its longest array, and the libraries
# What h5py, pyarrow and the readers over them raise at damaged files; RuntimeError has RecursionError and NotImplementedError in it.
UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    SystemError,
    struct.error,
    zlib.error,
    QgfError,
)


def main(arguments: list[str]) -> None:
    """Sends facts, recordings and an end, or why the file is refused."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    least = MEMORY_BYTES if most == resource.RLIM_INFINITY else min(most, MEMORY_BYTES)
    resource.setrlimit(resource.RLIMIT_AS, (least, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sending = Connection(int(arguments[0]), readable=False)
    reader = importlib.import_module(f"qgf_ros.data.formats.{arguments[1]}")
    try:
        _allow_time()
        for found in reader.read(Path(arguments[2]), *arguments[3:]):
            if isinstance(found, dict):
                _tell(sending, {FACTS: found})
            else:
                _send(sending, *found)
            _allow_time()
        _tell(sending, {END: True})
    except BrokenPipeError:
        return  # nobody wants more
    except UNREADABLE as error:
        words = " ".join(str(error).split()).rstrip(".")
        _tell(sending, {REFUSED: words[:2000] or type(error).__name__})


def _allow_time() -> None:
    """Until the next episode: where nobody is left to end this process, the system does."""
    used, (_, most) = time.process_time(), resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used + SILENT_S), most))


def _tell(sending: Connection, message: dict[str, Any]) -> None:
    sending.send_bytes(json.dumps(message).encode())


def _send(sending: Connection, recording: Recording, left_out: dict[str, str]) -> None:
    arrays = {name: np.ascontiguousarray(column.values) for name, column in recording.columns.items()}
    columns = [
        (name, values.dtype.str, values.shape, recording.columns[name].names, recording.columns[name].units)
        for name, values in arrays.items()
    ]
    stated = {"name": recording.name, "success": recording.success, "task": recording.task}
    _tell(sending, {RECORDING: {**stated, "columns": columns, "left_out": left_out}})
    for values in arrays.values():
        sending.send_bytes(values.reshape(-1).view(np.uint8).data)


if __name__ == "__main__":
    main(sys.argv[1:])
