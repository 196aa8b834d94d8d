"""What a recording holds, by topic, counted while it is written: what stayed silent, how often, how long nothing came, how much disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Topic:
    """A topic so far: messages, bytes of their content, when the first and the last were sent, the longest time between two, ns."""

    messages: int = 0
    size: int = 0
    first_ns: int = 0
    last_ns: int = 0
    longest_ns: int = 0

    def note(self, sent_ns: int, size: int) -> None:
        """The next message."""
        if self.messages:
            self.longest_ns = max(self.longest_ns, sent_ns - self.last_ns)
            self.last_ns = max(self.last_ns, sent_ns)
        else:
            self.first_ns = self.last_ns = sent_ns
        self.messages += 1
        self.size += size


@dataclass(frozen=True)
class Row:
    """One topic of the report. `rate_hz` is 0 with fewer than two messages; `finding` is empty where nothing is wrong."""

    topic: str
    messages: int
    rate_hz: float
    longest_gap_s: float
    bytes: int
    lost: int
    finding: str


class Audit:
    """State: what was heard of each topic. One thread."""

    def __init__(self, needed: Iterable[str], longest_s: Mapping[str, float]) -> None:
        """`needed` topics must not stay silent, `longest_s` says of some how long nothing may come. Both by resolved name."""
        self._needed, self._longest_s = tuple(dict.fromkeys(needed)), dict(longest_s)
        self._heard: dict[str, Topic] = {}

    def note(self, topic: str, sent_ns: int, size: int) -> None:
        """A message of so many bytes."""
        heard = self._heard.get(topic)
        if heard is None:
            heard = self._heard[topic] = Topic()
        heard.note(sent_ns, size)

    def rows(self, lost: Mapping[str, int]) -> list[Row]:
        """Every topic that was heard or is needed, by name; `lost` messages by topic, as the recorder counted them."""
        return [self._row(topic, lost.get(topic, 0)) for topic in sorted({*self._heard, *self._needed})]

    def _row(self, topic: str, lost: int) -> Row:
        heard = self._heard.get(topic, Topic())
        seconds, gap_s = (heard.last_ns - heard.first_ns) * 1e-9, heard.longest_ns * 1e-9
        rate_hz = (heard.messages - 1) / seconds if seconds > 0.0 else 0.0
        most_s = self._longest_s.get(topic)
        findings = []
        if not heard.messages:
            findings.append("silent")
        if most_s is not None and gap_s > most_s:
            findings.append(f"nothing for {gap_s:.3g} s, {most_s:.3g} s are allowed")
        if lost:
            findings.append(f"{lost} lost")
        return Row(topic, heard.messages, rate_hz, gap_s, heard.size, lost, "; ".join(findings))


@dataclass(frozen=True)
class Disk:
    """`used` bytes of the recording's files, `free` bytes left beside them, `left_s`: for how long, at the rate so far; inf at none."""

    used: int
    free: int
    left_s: float

    @classmethod
    def of(cls, folder: Path, seconds: float) -> Disk:
        """The disk of a recording that went on for so long. Raises OSError where there is no such folder."""
        used = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
        free = shutil.disk_usage(folder).free
        return cls(used, free, free / used * seconds if used and seconds > 0.0 else float("inf"))


@dataclass(frozen=True)
class Report:
    """The audit at the end of a recording. `episodes`: how many began, and how many ended each way."""

    rows: tuple[Row, ...]
    episodes: Mapping[str, int]
    seconds: float
    disk: Disk

    @property
    def silent(self) -> list[str]:
        """Topics that stayed silent and are needed."""
        return [row.topic for row in self.rows if not row.messages]

    @property
    def figures(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "seconds": self.seconds,
            "messages": sum(row.messages for row in self.rows),
            "lost": sum(row.lost for row in self.rows),
            "silent": self.silent,
            "episodes": dict(self.episodes),
            "disk": vars(self.disk),
            "topics": {row.topic: {k: v for k, v in vars(row).items() if k != "topic"} for row in self.rows},
        }

    def lines(self) -> list[str]:
        """A table for people: a topic a line, then the whole."""
        wide = max((len(row.topic) for row in self.rows), default=5)
        head = (
            f"{'topic':<{wide}}  {'messages':>9}  {'rate Hz':>8}  {'longest gap s':>13}  {'MB':>8}  finding"
        )
        body = [
            f"{row.topic:<{wide}}  {row.messages:>9}  {row.rate_hz:>8.1f}  {row.longest_gap_s:>13.3f}  "
            f"{row.bytes / 1e6:>8.2f}  {row.finding}".rstrip()
            for row in self.rows
        ]
        marks = ", ".join(f"{count} {name}" for name, count in self.episodes.items())
        left = (
            ""
            if self.disk.left_s == float("inf")
            else f", enough for {self.disk.left_s / 3600:.1f} h of the same"
        )
        disk = f"disk: {self.disk.used / 1e6:.1f} MB used, {self.disk.free / 1e9:.1f} GB free{left}"
        return [head, *body, f"{self.seconds:.1f} s; episodes: {marks}; {disk}"]
