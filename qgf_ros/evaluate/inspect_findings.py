"""What the figures of `qgf inspect` say, in sentences: what is bad, what somebody should look at, and what was found to be good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

MOST_NAMED = 3  # components or topics in one sentence


class Grade(Enum):
    """How good it is; worst first."""

    BAD = "bad"  # rows are missing, wrong or not to be trusted
    LOOK = "look"  # may be as it should: only who recorded it can tell
    GOOD = "good"


@dataclass(frozen=True)
class Finding:
    """One sentence and its grade."""

    grade: Grade
    words: str


def findings(figures: Mapping[str, Any]) -> list[Finding]:
    """All that was looked at, worst first."""
    found = [*_reading(figures), *_topics(figures), *_rows(figures), *_values(figures)]
    return sorted(found, key=lambda finding: list(Grade).index(finding.grade))


def _reading(figures: Mapping[str, Any]) -> Iterator[Finding]:
    problem = figures["problem"]
    yield Finding(Grade.BAD, problem) if problem else Finding(Grade.GOOD, "Read without an error.")
    if not figures.get("is_finished", True):
        yield Finding(Grade.BAD, "The recorder did not finish: the end may be missing.")
    lost = figures.get("lost")
    if lost == 0 and figures["is_finished"]:
        yield Finding(Grade.GOOD, "The recorder lost no message.")
    elif lost:
        by_topic = ", ".join(f"{topic}: {count}" for topic, count in figures["lost_by_topic"].items())
        yield Finding(Grade.BAD, f"The recorder lost {lost} messages. {by_topic}".strip())


def _topics(figures: Mapping[str, Any]) -> Iterator[Finding]:
    silent, topics = figures.get("silent", []), figures.get("topics", [])
    yield from (Finding(Grade.BAD, f"{name} has no message, and rows need it.") for name in silent)
    if "silent" in figures and not silent:
        yield Finding(Grade.GOOD, "Every topic that rows need was recorded.")
    for topic in topics:
        if topic["gaps"]:
            times = "once" if topic["gaps"] == 1 else f"{topic['gaps']} times"
            words = f"{topic['name']} paused {times}, for {topic['longest_gap_s']:.2f} s at most."
            yield Finding(Grade.LOOK, words)
        if topic["silent_at_end_s"]:
            words = f"{topic['name']} says nothing in the last {topic['silent_at_end_s']:.1f} s."
            yield Finding(Grade.LOOK, words)
    if topics and not any(topic["gaps"] or topic["silent_at_end_s"] for topic in topics):
        yield Finding(Grade.GOOD, "No topic that speaks regularly paused.")


def _rows(figures: Mapping[str, Any]) -> Iterator[Finding]:
    parity = figures.get("parity")
    if parity and parity["same"] < parity["live"]:
        words = f"{parity['different']} live observations differ, {parity['not_made']} cannot be made. {parity['why']}"
        yield Finding(Grade.BAD, words.strip())
    elif parity and parity["live"]:
        words = f"All {parity['live']} observations of the live policy can be made again bit by bit."
        yield Finding(Grade.GOOD, words)
    for name, why in figures.get("left_out", {}).items():
        yield Finding(Grade.LOOK, f"Left out: {name}. {why}".strip())
    for entry in figures.get("refused", []):
        yield Finding(Grade.BAD, f"Refused: {entry['problem']}")


def _values(figures: Mapping[str, Any]) -> Iterator[Finding]:
    if "columns" not in figures:
        return
    entries = [
        (label(column, entry), entry) for column, entries in figures["columns"].items() for entry in entries
    ]
    broken = [(name, entry["not_finite"]) for name, entry in entries if entry["not_finite"]]
    if broken:
        yield Finding(Grade.BAD, f"Values that are no finite numbers: {_worst(broken, '{:.0f}')}.")
    else:
        yield Finding(Grade.GOOD, "Every value is a finite number.")
    if far := [(name, entry["outliers"]) for name, entry in entries if entry["outliers"]]:
        yield Finding(Grade.LOOK, f"Values far out: {_worst(far, '{:.2%}')}.")
    else:
        yield Finding(Grade.GOOD, "No value lies far out.")


def label(column: str, entry: Mapping[str, Any]) -> str:
    """What a component is called where its column is not beside it: one without a name by its place."""
    return f"{column}[{entry['name']}]" if entry["name"].isdecimal() else entry["name"]


def _worst(found: list[tuple[str, float]], form: str) -> str:
    """The worst by name, and how many more."""
    worst = sorted(found, key=lambda entry: -entry[1])[:MOST_NAMED]
    words = ", ".join(f"{form.format(value)} of {name}" for name, value in worst)
    return words + f", and of {len(found) - len(worst)} more" * (len(found) > len(worst))
