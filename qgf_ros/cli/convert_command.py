"""`qgf convert SOURCE OUT`: a data set of any known format, under a contract, into one that trains here or in LeRobot."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgf_ros.cli.processes import add_processes
from qgf_ros.errors import QgfError

if TYPE_CHECKING:
    from qgf_ros.contract.assemble import ForwardKinematics
    from qgf_ros.contract.schema import Contract, Interface
    from qgf_ros.data.formats.lerobot_writer import LerobotWriter
    from qgf_ros.data.formats.ogbench_writer import OgbenchWriter
    from qgf_ros.data.recording import Source

HELP = "read a data set (rosbag2, OGBench, LeRobot, robomimic, Minari) by a contract's names and units, and write it for training"
EXAMPLE = "qgf convert demos.hdf5 data/demos --contract CONTRACT.yaml --mapping demos_mapping.yaml"
SHOWN = 5  # refused recordings on the screen
LARGE_BYTES = 50_000_000  # of a bag: a smaller one is read before other processes have begun


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument(
        "source", type=Path, help="the data set: a file or a folder; its format is found by what lies there"
    )
    parser.add_argument("out", type=Path, help="a new folder")
    parser.add_argument(
        "--contract", type=Path, required=True, help="the contract whose interface the episodes shall have"
    )
    parser.add_argument(
        "--mapping",
        type=Path,
        metavar="FILE",
        help="YAML that says which column and component each term and each dimension is, and in which unit (docs/data.md)",
    )
    parser.add_argument(
        "--to",
        choices=("ogbench", "lerobot"),
        default="ogbench",
        help="the format to write (default ogbench)",
    )
    parser.add_argument(
        "--images", action="store_true", help="carry images along; without it no video is decoded"
    )
    parser.add_argument(
        "--filter", metavar="NAME", help="only the recordings in that list (robomimic's mask)"
    )
    add_processes(parser, "processes that read a large bag")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Converts, names what was refused, returns the figures; `exit_code` 1 where no episode fitted."""
    from qgf_ros.cli.progress import counted_progress
    from qgf_ros.contract.load import load_contract
    from qgf_ros.data.convert import convert
    from qgf_ros.data.formats.detect import open_source
    from qgf_ros.data.mapping import load_mapping

    contract = load_contract(arguments.contract)
    interface = contract.interface
    mapping = None if arguments.mapping is None else load_mapping(arguments.mapping)
    began, episodes, rows, seen = time.monotonic(), 0, 0, 0
    opened = open_source(arguments.source, arguments.images, arguments.filter, arm_of, contract)
    source = _shared(opened, arguments, contract)
    refused: list[dict[str, str]] = []
    with (
        _writer(arguments.to, arguments.out, interface) as writer,
        counted_progress(source.count, 0, "episode") as report,
    ):
        for found in convert(source, arguments.source.name, interface, mapping):
            seen += 1
            if found.episode is None:
                refused.append({"recording": found.recording, "problem": found.problem})
            else:
                writer.write(found.episode)
                episodes, rows = episodes + 1, rows + found.episode.rows
            report(seen, {"rows": rows})
    elapsed_s = time.monotonic() - began
    size = size_of(arguments.source)
    print(
        f"{episodes} episodes, {rows} rows of {source.format} in {arguments.out} ({size / 1e6:.1f} MB in {elapsed_s:.1f} s)"
    )
    for entry in refused[:SHOWN]:
        print(f"  refused: {entry['problem']}")
    if len(refused) > SHOWN:
        print(f"  and {len(refused) - SHOWN} more")
    for name, reason in source.left_out.items():
        print(f"  left out: {name}" + (f": {reason}" if reason else ""))
    return {
        "format": source.format,
        "episodes": episodes,
        "rows": rows,
        "refused": refused,
        "left_out": list(source.left_out),
        "bytes": size,
        "elapsed_s": elapsed_s,
        "bytes_per_s": size / elapsed_s,
        "out": str(arguments.out),
        "exit_code": 0 if episodes else 1,
    }


def _shared(source: Source, arguments: argparse.Namespace, contract: Contract) -> Source:
    """A large bag is read by several processes; images would have to travel between them."""
    from qgf_ros.data.formats.bag import BagSource

    is_large = size_of(arguments.source) >= LARGE_BYTES
    if not (isinstance(source, BagSource) and is_large and arguments.processes > 1) or arguments.images:
        return source
    from qgf_ros.evaluate.shared_bag import SharedBag

    return SharedBag(arguments.source, source, contract, arguments.processes)


def arm_of(contract: Contract) -> ForwardKinematics | None:
    """The kinematics of a contract's arm, where it names a model. MuJoCo is loaded only where it is needed: for bags."""
    from qgf_ros.control.kinematics import kinematics_of

    return kinematics_of(contract)


def _writer(kind: str, out: Path, interface: Interface) -> OgbenchWriter | LerobotWriter:
    from qgf_ros.data.formats.lerobot_writer import LerobotWriter
    from qgf_ros.data.formats.ogbench_writer import OgbenchWriter

    if kind == "ogbench":
        return OgbenchWriter(out, interface)
    return LerobotWriter(out, interface, 1.0 / interface.control_period_s, interface.name)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder. Raises QgfError where one cannot be looked at."""
    try:
        files = [path] if path.is_file() else [entry for entry in path.rglob("*") if entry.is_file()]
        return sum(file.stat().st_size for file in files)
    except OSError as error:
        raise QgfError(f"{path} cannot be looked at: {error.strerror}.") from error
