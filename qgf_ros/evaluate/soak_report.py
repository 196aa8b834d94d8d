"""The figures of a soak in lockstep, from those of its episodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from statistics import median

from qgf_ros.evaluate.lockstep_soak import RSS_EVERY, EpisodeFigures, Trouble

WARM_UP = 0.2  # of each process's samples: what is loaded and cached at first
MOST_GROWTH = 0.05
MOST_MB = 25.0  # every 100,000 ticks
JUDGED_FROM_TICKS = 50_000  # a shorter run says nothing of memory


class SoakReport:
    """State: what the episodes gave so far."""

    def __init__(self) -> None:
        self.episodes: list[EpisodeFigures] = []

    def add(self, episode: EpisodeFigures) -> None:
        """One more, in the order in which they ended."""
        self.episodes.append(episode)

    @property
    def ticks(self) -> int:
        """Ticks that were served."""
        return sum(episode.ticks for episode in self.episodes)

    @property
    def troubles(self) -> list[Trouble]:
        """What must never be, as far as it was kept."""
        return [trouble for episode in self.episodes for trouble in episode.troubles]

    @property
    def is_clean(self) -> bool:
        """No command outside a limit, every certificate verified, no crash, and memory that does not grow, by share and by rate."""
        bad = sum(
            episode.limit_violations + episode.unverified + episode.crashes for episode in self.episodes
        )
        is_steady = self.rss_growth < MOST_GROWTH and self.rss_mb_per_100k_ticks < MOST_MB
        return not bad and (self.ticks < JUDGED_FROM_TICKS or is_steady)

    @property
    def rss_growth(self) -> float:
        """How much the memory of a process grew after its warm-up, as a fraction; of the process where it grew most.

        The largest sample after the first `WARM_UP` of a process's ticks over the largest among those, less 1; not below 0.
        """
        return max((_growth(samples) for samples in self._by_process), default=0.0)

    @property
    def rss_mb_per_100k_ticks(self) -> float:
        """How fast memory grew after the warm-up, MB every 100,000 ticks; of the process that served most, which had the long session.

        From the first fifth of its samples after the warm-up to the last one, by their medians; not below 0. A session that is
        rebuilt before it has grown, or a process that is large anyway, hides a leak from `rss_growth`, and not from this.
        """
        return _rate(max(self._by_process, key=len, default=[]))

    @property
    def _by_process(self) -> list[list[int]]:
        found: dict[int, list[int]] = {}
        for episode in self.episodes:
            if episode.rss:
                found.setdefault(episode.pid, []).extend(episode.rss)
        return list(found.values())

    def figures(self, seconds: float) -> dict[str, object]:
        """What `--json` writes. `digest` of all commands: equal for equal seeds, however many processes."""
        ordered = sorted(self.episodes, key=lambda episode: episode.episode)
        return {
            "ticks": self.ticks,
            "episodes": len(self.episodes),
            "limit_violations": sum(episode.limit_violations for episode in self.episodes),
            "unverified": sum(episode.unverified for episode in self.episodes),
            "crashes": sum(episode.crashes for episode in self.episodes),
            "rss_growth": self.rss_growth,
            "rss_mb_per_100k_ticks": self.rss_mb_per_100k_ticks,
            "rss_mb": max((max(episode.rss) for episode in self.episodes if episode.rss), default=0) / 1e6,
            "seconds": seconds,
            "digest": sha256("".join(episode.digest for episode in ordered).encode()).hexdigest()[:16],
            "rungs": _sum([episode.rungs for episode in ordered]),
            "reasons": _sum([episode.reasons for episode in ordered]),
            "faults": _sum([episode.faults for episode in ordered]),
            "deeds": _sum([episode.deeds for episode in ordered]),
            "refused": _sum([episode.refused for episode in ordered]),
            "findings": _sum([episode.findings for episode in ordered]),
            "troubles": [vars(trouble) for trouble in self.troubles],
        }


def _growth(samples: Sequence[int]) -> float:
    warm = max(1, round(WARM_UP * len(samples)))
    if len(samples) <= warm:
        return 0.0
    return max(0.0, max(samples[warm:]) / max(samples[:warm]) - 1.0)


def _rate(samples: Sequence[int]) -> float:
    warm = samples[max(1, round(WARM_UP * len(samples))) :]
    part = max(1, len(warm) // 5)
    if len(warm) <= part:
        return 0.0
    grown, apart = median(warm[-part:]) - median(warm[:part]), (len(warm) - part) * RSS_EVERY
    return max(0.0, grown / 1e6 * 100_000 / apart)


def _sum(counters: Sequence[Counter[str]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for counter in counters:
        total.update(counter)
    return dict(total.most_common())
