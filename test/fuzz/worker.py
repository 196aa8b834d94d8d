"""One process that feeds inputs to loaders and says what came of them; its watcher reads its page and ends it if it hangs."""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import resource
import shutil
import struct
import sys
import time
import traceback
import warnings
from enum import Enum
from pathlib import Path
from random import Random
from types import FrameType

import peak_memory

from fuzz.payloads import OUTSIDE
from fuzz.targets import Target
from qgf_ros.errors import QgfError

MORE_ADDRESSES = 1 << 30  # bytes of address space that a loader may ask for beyond what the process has
MORE_MEMORY = 400 << 20  # and may fill
IN_OPEN, IN_NONBLOCK = 0x20, 0o4000
CREATE, MODIFY, DELETE, MOVED = 0x100, 0x2, 0x200, 0xC0
# Python's own events: what no loader has reason to do.
FORBIDDEN = (
    "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "subprocess.Popen", "pickle.find_class", "socket.connect",
    "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.symlink", "os.link", "os.truncate", "shutil.rmtree",
    "ctypes.dlopen", "urllib.Request", "ftplib.connect", "exec",
)  # fmt: skip
NUMBER, TIMES = (
    struct.Struct("<q"),
    struct.Struct("<8xdd"),
)  # on the page: the input in hand or -1; when it began, processor and wall


class Outcome(Enum):
    """What came of an input; the last three must not be."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    BUG = "bug"  # another exception than QgfError, that of too much memory among them
    EXECUTED = "executed"  # code of the input ran, or a file outside of it was touched
    CRASHED = "crashed"
    HUNG = "hung"


class Lookout:
    """Sees which files are opened or changed: Python's by its audit events, everybody's in two folders by inotify."""

    def __init__(self, work: Path, folder: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._notes = self._libc.inotify_init1(IN_NONBLOCK)
        for path, mask in (
            (work / OUTSIDE, IN_OPEN | MODIFY | DELETE | MOVED),
            (work / "cwd", CREATE | MODIFY | DELETE),
        ):
            self._libc.inotify_add_watch(self._notes, os.fsencode(path), mask)
        self._inside = str(folder) + os.sep
        self._allowed = (
            str(folder),
            sys.prefix,
            sys.base_prefix,
            "/proc/self/",
            "/proc/",
            "/sys/",
            "/usr/lib",
            "/usr/share",
        )
        self._own = str(Path(__file__).parents[2]) + os.sep
        self._events: list[str] = []
        self.is_on = False
        sys.addaudithook(self._see)

    def _see(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.is_on:
            return
        if event in FORBIDDEN:
            if event == "os.mkdir" and os.path.realpath(str(arguments[0])).startswith(self._inside):
                return
            if event == "exec" and (_is_ours() or getattr(arguments[0], "co_names", ()) == ("callable",)):
                return  # the latter is how MuJoCo's bindings find the builtin of that name
            self._events.append(f"{event} {str(arguments)[:200]} in {sys._getframe(1).f_code.co_filename}")
        elif event == "open" and isinstance(arguments[0], str | bytes):
            path, mode = os.path.realpath(os.fsdecode(arguments[0])), str(arguments[1])
            is_code = (
                path.startswith((self._own + "qgf_ros", self._own + "test", self._own + "sim"))
                and "w" not in mode
            )
            is_changed = any(mark in mode for mark in "wax+") and not path.startswith(self._inside)
            if not is_code and (is_changed or not path.startswith(self._allowed)):
                self._events.append(f"open {path} {mode}")

    def found(self) -> list[str]:
        """What was seen since the last call."""
        events, self._events = self._events, []
        try:
            notes = os.read(self._notes, 65_536)
        except BlockingIOError:
            return events
        while notes:
            _, mask, _, length = struct.unpack("iIII", notes[:16])
            name = notes[16 : 16 + length].rstrip(b"\0").decode("utf-8", "replace")
            events.append(f"file {name or '(folder)'} touched ({mask:#x})")
            notes = notes[16 + length :]
        return events


def _is_ours() -> bool:
    """True while a module is imported for the first time, `typing` evaluates an annotation of our own
    classes, or rosbags makes readers of the message types that it knows."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        name = frame.f_code.co_filename
        if any(part in name for part in ("importlib", "/rosbags/")) or name.endswith(
            ("typing.py", "dataclasses.py")
        ):
            return True
        frame = frame.f_back
    return False


def work(
    targets: dict[str, Target],
    plan: list[tuple[str, int]],
    seed: int,
    page: mmap.mmap,
    folder: Path,
    report: int,
) -> None:
    """Feeds the inputs of `plan` (loader, number); a line of JSON for each on the file `report`, the input in hand on `page`."""
    inside = folder / "in"
    for part in ("cwd", OUTSIDE):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for name in ("model.xml", "mesh.stl"):
        (folder / OUTSIDE / name).write_text("<mujoco/>")
    os.chdir(folder / "cwd")
    sys.stdin.close()
    warnings.simplefilter("ignore")
    lookout = Lookout(folder, inside)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MORE_ADDRESSES, used + MORE_ADDRESSES))
    for place, (name, number) in enumerate(plan):
        files = targets[name].case(Random(f"{seed}/{name}/{number}"))
        _write(inside, files)
        before = peak_memory.begin()
        began, began_cpu = time.monotonic(), time.process_time()
        page[8:24] = struct.pack("<dd", began_cpu, began)  # before the number, which says that they hold
        NUMBER.pack_into(page, 0, place)
        outcome, words = _feed(targets[name], inside, lookout)
        spent, spent_cpu = time.monotonic() - began, time.process_time() - began_cpu
        NUMBER.pack_into(page, 0, -1)
        grown = peak_memory.most() - before
        if grown > MORE_MEMORY:
            outcome, words = (
                Outcome.BUG,
                f"{grown >> 20} MiB of memory were filled ({MORE_MEMORY >> 20} may be); {words}",
            )
        if events := lookout.found():
            outcome, words = Outcome.EXECUTED, "; ".join(events[:5])
        line = {
            "place": place,
            "name": name,
            "number": number,
            "outcome": outcome.value,
            "ms": spent * 1e3,
            "cpu_ms": spent_cpu * 1e3,
            "mib": grown / 2**20,
        }
        os.write(report, (json.dumps(line | {"words": words[:1500]}) + "\n").encode())


def _feed(target: Target, inside: Path, lookout: Lookout) -> tuple[Outcome, str]:
    lookout.is_on = True
    try:
        target.load(inside)
        return Outcome.ACCEPTED, ""
    except QgfError as error:
        sentence = str(error)
        is_sound = sentence.isprintable() and len(sentence) <= 5000
        return (Outcome.REFUSED if is_sound else Outcome.BUG), sentence
    except BaseException:
        return Outcome.BUG, traceback.format_exc()[-1500:]
    finally:
        lookout.is_on = False


def _write(inside: Path, files: dict[str, bytes]) -> None:
    shutil.rmtree(inside, ignore_errors=True)
    for name, content in files.items():
        path = inside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    if (inside / "contracts").is_dir():
        (inside / "contracts" / "circle").symlink_to("circle")
