"""`qgf inspect PATH`: what is in a bag or a data set: counts, rates, gaps, ranges, outliers, and whether a bag gives what was seen live."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgf_ros.errors import InvalidSetting, QgfError

if TYPE_CHECKING:
    from qgf_ros.bags.census import Census
    from qgf_ros.contract.schema import Contract
    from qgf_ros.data.recording import Source

HELP = "show what is in a bag or a data set: counts, rates, gaps, ranges, outliers, what does not fit"
EXAMPLE = "qgf inspect out/recordings/first_run --html out/first_run.html"
SHOWN = 8  # of a list on the screen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    parser.add_argument("path", type=Path, help="the bag or data set; its format is found by what lies there")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write a page with pictures, complete in one file"
    )
    parser.add_argument(
        "--contract",
        type=Path,
        metavar="FILE",
        help="also say which recordings do not fit this contract; of a bag that brings none along, the one it was made under",
    )
    parser.add_argument(
        "--mapping", type=Path, metavar="FILE", help="as for `qgf convert`, where a format names nothing"
    )
    parser.add_argument(
        "--rows",
        type=int,
        default=5000,
        metavar="N",
        help="the first so many rows are looked at, topics as a whole; 0: all (default 5000)",
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Prints what is there, returns the figures; `exit_code` 1 where a part could not be read.

    Raises:
        MissingPathError, UnknownFormatError, UnreadableFileError, ...: as `open_source`; of a bag what can be told is told.
    """
    from qgf_ros.bags.census import take_census
    from qgf_ros.bags.reader import bag_files
    from qgf_ros.cli.convert_command import size_of
    from qgf_ros.contract.load import load_contract
    from qgf_ros.evaluate.inspection import topic_figures

    if arguments.rows < 0:
        raise InvalidSetting("--rows", arguments.rows, "at least 0")
    began = time.monotonic()
    contract = None if arguments.contract is None else load_contract(arguments.contract)
    figures: dict[str, Any] = {"problem": ""}
    if arguments.path.is_dir() and bag_files(arguments.path):
        census = take_census(arguments.path)
        figures = topic_figures(arguments.path, census)
        try:
            figures |= _bag(arguments, contract, census, figures)
        except QgfError as error:
            figures["problem"] = figures["problem"] or str(error)
    else:
        from qgf_ros.data.formats.detect import open_source

        figures |= _recordings(arguments, contract, open_source(arguments.path))
    size, elapsed_s = size_of(arguments.path), time.monotonic() - began
    figures |= {
        "path": str(arguments.path),
        "bytes": size,
        "elapsed_s": elapsed_s,
        "bytes_per_s": size / elapsed_s,
    }
    _print(figures)
    if arguments.html is not None:
        from qgf_ros.evaluate.inspect_page import page

        arguments.html.parent.mkdir(parents=True, exist_ok=True)
        arguments.html.write_text(page(figures), encoding="utf-8")
    return figures | {"exit_code": int(bool(figures["problem"]))}


def _bag(
    arguments: argparse.Namespace, contract: Contract | None, census: Census, found: dict[str, Any]
) -> dict[str, Any]:
    from qgf_ros.control.kinematics import kinematics_of
    from qgf_ros.data.formats.bag import BagSource
    from qgf_ros.evaluate.inspection import silent_topics, until_ns

    source = BagSource(arguments.path, kinematics_of, contract, until_ns=until_ns(census, arguments.rows))
    figures = _recordings(arguments, contract, source)
    parity = asdict(source.parity(arguments.rows))
    return figures | {"silent": silent_topics(found, source), "parity": parity}


def _recordings(arguments: argparse.Namespace, contract: Contract | None, source: Source) -> dict[str, Any]:
    from qgf_ros.cli.progress import counted_progress
    from qgf_ros.data.mapping import load_mapping
    from qgf_ros.evaluate.inspection import recording_figures

    mapping = None if arguments.mapping is None else load_mapping(arguments.mapping)
    with counted_progress(source.count, 0, "episode") as report:
        return recording_figures(source, contract, mapping, arguments.rows, lambda count: report(count, {}))


def _print(figures: dict[str, Any]) -> None:
    megabytes, elapsed_s = figures["bytes"] / 1e6, figures["elapsed_s"]
    print(
        f"{figures['path']}: {figures.get('format', 'rosbag2')}, {megabytes:.1f} MB, looked through in {elapsed_s:.1f} s"
    )
    if figures["problem"]:
        print(f"  cannot be read to its end, or not made into episodes: {figures['problem']}")
    if "topics" in figures:
        _print_topics(figures)
    if "columns" in figures:
        _print_recordings(figures)


def _print_topics(figures: dict[str, Any]) -> None:
    ending = "" if figures["is_finished"] else "; its recorder did not finish"
    lost = "" if figures["lost"] is None else f", {figures['lost']} lost by the recorder's count"
    print(f"  {figures['messages']} messages in {figures['duration_s']:.1f} s{lost}{ending}")
    print(f"  {'topic':<44} {'messages':>9} {'Hz':>8} {'MB':>8} {'gaps':>5} {'longest s':>9}")
    for topic in figures["topics"]:
        rate = "" if topic["rate_hz"] is None else f"{topic['rate_hz']:.1f}"
        longest = "" if topic["longest_gap_s"] is None else f"{topic['longest_gap_s']:.2f}"
        print(
            f"  {topic['name']:<44} {topic['messages']:>9} {rate:>8} {topic['bytes'] / 1e6:>8.1f} {topic['gaps']:>5} {longest:>9}"
        )
    for topic in figures["topics"]:
        if topic["silent_at_end_s"]:
            print(f"  {topic['name']} says nothing in the last {topic['silent_at_end_s']:.1f} s")
    for name in figures.get("silent", []):
        print(f"  SILENT: {name} has no message, and rows need it")


def _print_recordings(figures: dict[str, Any]) -> None:
    marks = ", ".join(f"{figures[kind]} {kind}" for kind in ("successes", "failures", "unmarked"))
    print(f"  looked at {figures['looked_at']} episodes, {figures['rows']} rows: {marks}")
    for name, reason in figures["left_out"].items():
        print(f"  left out: {name}" + (f": {reason}" if reason else ""))
    for entry in figures["refused"][:SHOWN]:
        print(f"  refused: {entry['problem']}")
    if len(figures["refused"]) > SHOWN:
        print(f"  and {len(figures['refused']) - SHOWN} more refused")
    for column, components in figures["columns"].items():
        _print_column(column, components)
    for name, shape in figures["others"].items():
        print(f"  {name}: {shape}")
    if parity := figures.get("parity"):
        print(
            f"  of {parity['live']} observations of the live policy {parity['same']} are the same bit by bit,"
        )
        print(f"  {parity['different']} differ, {parity['not_made']} cannot be made {parity['why']}".rstrip())


def _print_column(column: str, components: list[dict[str, Any]]) -> None:
    print(f"  {column:<44} {'least':>10} {'most':>10} {'mean':>10} {'spread':>10}  far out")
    for entry in components:
        name = f"  {entry['name']} [{entry['unit']}]" if entry["unit"] else f"  {entry['name']}"
        numbers = " ".join(f"{entry[key]:>10.4g}" for key in ("least", "most", "mean", "spread"))
        far = f"{entry['outliers']:.2%}" if entry["outliers"] else ""
        broken = f"  {entry['not_finite']} not finite" if entry["not_finite"] else ""
        print(f"  {name:<44} {numbers}  {far}{broken}")
