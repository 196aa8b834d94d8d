"""What `qgf inspect` finds in a bag or a data set, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from qgf_ros.bags.census import Census
from qgf_ros.bags.reader import is_finished, read_facts
from qgf_ros.bags.recorded import EVER_NS
from qgf_ros.contract.components import component_names, component_units
from qgf_ros.contract.schema import Contract, Interface
from qgf_ros.data.columns import NORMALISED, episode_of
from qgf_ros.data.formats.bag import BagSource
from qgf_ros.data.formats.bag_actions import ACTION
from qgf_ros.data.formats.ogbench import ACTIONS, OBSERVATIONS
from qgf_ros.data.mapping import Mapped
from qgf_ros.data.recording import Column, Recording, Source
from qgf_ros.data.summary import Summary, counted
from qgf_ros.errors import MissingFileError, UnfitRecording

AFTER_NS = 1_000_000_000
Figures = dict[str, Any]


def topic_figures(folder: Path, census: Census) -> Figures:
    """Topics of a bag with counts, rates, gaps and a timeline; `lost` messages by the recorder's own count, by topic."""
    begin, end = census.span
    try:
        facts = read_facts(folder)
    except MissingFileError:
        facts = {}
    lost = {name.removeprefix("lost"): int(text) for name, text in facts.items() if _is_lost(name, text)}
    return {
        "problem": census.problem,
        "is_finished": is_finished(folder),
        "messages": census.count,
        "duration_s": (end - begin) * 1e-9,
        "lost": lost.pop("", None),
        "lost_by_topic": lost,
        "topics": [_topic(census, name) for name in sorted(census.topics)],
    }


def _is_lost(name: str, text: str) -> bool:
    return name.startswith("lost") and text.isdecimal() and len(text) < 19


def _topic(census: Census, name: str) -> Figures:
    topic = census.topics[name]
    gaps_s = topic.gaps_s()
    return {
        "name": name,
        "type": topic.type_name,
        "messages": topic.count,
        "bytes": topic.bytes,
        "rate_hz": topic.rate_hz(),
        "gaps": len(gaps_s),
        "longest_gap_s": gaps_s[0] if gaps_s else None,
        "silent_at_end_s": topic.silent_at_end_s(census.span[1]),
        "timeline": topic.timeline(*census.span),
    }


def until_ns(census: Census, most_rows: int) -> int:
    """When so many actions have come to a bag's recorder, and what follows from the last one; never for 0."""
    times = [topic.received for name, topic in census.topics.items() if name.endswith("/" + ACTION)]
    came = sorted(moment for received in times for moment in received)
    return round(came[most_rows]) + AFTER_NS if 0 < most_rows < len(came) else EVER_NS


def silent_topics(figures: Figures, source: BagSource) -> list[str]:
    """Topics that a row needs, and of which the bag has no message."""
    found = {topic["name"] for topic in figures["topics"]}
    return [name for name in source.topics() if name not in found]


def recording_figures(
    source: Source,
    contract: Contract | None,
    mapping: Mapped | None,
    most_rows: int,
    report: Callable[[int], None],
) -> Figures:
    """Recordings in numbers, the first ones of so many rows, all for 0; which of them do not fit a contract, if one is given.

    `report` is called with the recordings so far. Raises UnreadableFileError, InterfaceMismatchError and others as `convert` does.
    """
    summary, refused = Summary(), list[dict[str, str]]()
    for recording in _first(source, most_rows):
        summary.add(recording if source.interface is None else _named(recording, source.interface))
        problem = "" if contract is None else _misfit(recording, source, contract, mapping)
        refused += [{"recording": recording.name, "problem": problem}] if problem else []
        report(len(summary.rows))
    return {
        "format": source.format,
        "interface": None if source.interface is None else source.interface.name,
        "rate_hz": source.rate_hz,
        "episodes": source.count,
        "looked_at": len(summary.rows),
        "rows": sum(summary.rows),
        "rows_of_each": summary.rows,
        **counted(summary.successes),
        "outcomes": summary.successes,
        "tasks": sorted(filter(None, summary.tasks)),
        "refused": refused,
        "left_out": source.left_out,
        "columns": {
            name: [asdict(component) for component in column.components()]
            for name, column in summary.columns.items()
        },
        "others": summary.others,
    }


def _first(source: Source, most_rows: int) -> Iterator[Recording]:
    """The first recordings, of so many rows and what is left of the last one; all for 0."""
    rows = 0
    for recording in source.recordings():
        yield recording
        rows += recording.rows
        if most_rows and rows >= most_rows:
            return


def _named(recording: Recording, interface: Interface) -> Recording:
    """The recording with the names and units of the interface that its source states, where its own columns have none."""
    known = {
        OBSERVATIONS: (component_names(interface), component_units(interface)),
        ACTIONS: (interface.action.names, (NORMALISED,) * interface.action_dim),
    }
    columns = dict(recording.columns)
    for name, (names, units) in known.items():
        column = columns.get(name)
        if column is not None and not column.names and column.values.shape[1:] == (len(names),):
            columns[name] = Column(column.values, names, column.units or units)
    return replace(recording, columns=columns)


def _misfit(recording: Recording, source: Source, contract: Contract, mapping: Mapped | None) -> str:
    """Why a recording does not fit the contract; nothing where it does."""
    stated, interface = source.interface, contract.interface
    is_trusted = stated is not None and stated.row_digest == interface.row_digest
    try:
        episode_of(recording, interface, mapping, is_trusted)
    except UnfitRecording as error:
        return str(error)
    return ""
