"""The course of a study: train and play what is missing, choose, freeze, play what is reported. It goes on from what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from qgf_ros.cli.progress import counted_progress
from qgf_ros.cli.study_training import Trained
from qgf_ros.cli.study_units import Unit, constants, digest_of, units_of, with_value
from qgf_ros.evaluate.study import ChosenOn, Study
from qgf_ros.evaluate.study_choice import Choices, Frozen, choose, freeze, frozen, reporting_keys, tuning_keys
from qgf_ros.evaluate.study_play import Play, play_all
from qgf_ros.evaluate.study_rows import Key, Purpose, Row, Rows, code_commit

ROWS = "rows"  # below a study's folder
PlayAll = Callable[[Sequence[Play], int, str | None], Iterator[Row]]


@dataclass(frozen=True)
class Plan:
    """What a study lacks: names of policies and critics to be trained (not what rivals learn beyond them), episodes to be played."""

    untrained: list[str]
    tuning_episodes: int
    reporting_episodes: int

    def words(self) -> str:
        """A line for people."""
        if not (self.untrained or self.tuning_episodes or self.reporting_episodes):
            return "nothing is missing: the study reports from its rows"
        trained = f"to train: {', '.join(self.untrained)}; " if self.untrained else ""
        return f"{trained}to play: {self.tuning_episodes} episodes of tuning, {self.reporting_episodes} to report"


class Course:
    """State: the study's files. Whatever is finished is not done again."""

    def __init__(self, study: Study, processes: int, play: PlayAll = play_all) -> None:
        """`play` as `play_all`. Raises as `units_of`."""
        self._study, self._processes, self._play_all = study, processes, play
        seeds = dict.fromkeys((*study.training_seeds, *study.tuning_trainings))
        self._units = {(unit.cell, unit.seed): unit for unit in units_of(study, list(seeds))}
        self._rows = Rows(study.results / ROWS, [folder / ROWS for folder in study.rows_from])
        self._trained = Trained(study)
        self._commit = code_commit()

    def plan(self) -> Plan:
        """What is still to be done, from the files alone. Raises as `Rows.find`, `choose` and `frozen`."""
        study, tuning = self._study, tuning_keys(self._study)
        lacking = [key for key in tuning if self._find(key) is None]
        chosen = choose(study, self._there(tuning)) if tuning and not lacking else {}
        choices = frozen(study.results, chosen, self._commit).choices
        reporting = [key for key in reporting_keys(study, choices) if self._find(key) is None]
        asked = {(key.cell, key.training_seed): self._unit(key) for key in (*lacking, *reporting)}
        untrained = [unit.name for unit in asked.values() if not self._trained.finished(unit)]
        return Plan(untrained, self._episodes_of(lacking), self._episodes_of(reporting))

    def _episodes_of(self, keys: Sequence[Key]) -> int:
        return sum(self._episodes(key)[1] for key in keys)

    def choices(self) -> Frozen:
        """The values of all knobs, chosen by tuning episodes and frozen; what is needed for it is trained and played."""
        if self._study.tuning.chosen_on is not ChosenOn.TUNING:
            return Frozen({})
        keys = tuning_keys(self._study)
        chosen: Choices = choose(self._study, self.finished(keys)) if keys else {}
        return freeze(self._study.results, chosen, self._commit)

    def reported(self, frozen: Frozen) -> tuple[list[Row], Choices]:
        """The rows that are reported, and of which values."""
        rows = self.finished(reporting_keys(self._study, frozen.choices))
        if self._study.tuning.chosen_on is ChosenOn.REPORTING:
            return rows, choose(self._study, rows)
        return rows, frozen.choices

    def finished(self, keys: Sequence[Key]) -> list[Row]:
        """The rows of `keys`; those that are missing are trained for, played and written first."""
        missing = [key for key in keys if self._find(key) is None]
        lacking = {(key.cell, key.training_seed): self._unit(key) for key in missing}
        self._trained.parents(lacking.values(), self._processes)
        plays = [self._play(key) for key in missing]
        if plays:
            with counted_progress(len(keys), len(keys) - len(plays), "row") as progress:
                for count, row in enumerate(self._play_all(plays, self._processes, self._commit), 1):
                    self._rows.add(row)
                    progress(len(keys) - len(plays) + count, {})
        return self._there(keys)

    def _there(self, keys: Sequence[Key]) -> list[Row]:
        return [row for key in keys if (row := self._find(key)) is not None]

    def _find(self, key: Key) -> Row | None:
        return self._rows.find(key, self._digest(key))

    def _unit(self, key: Key) -> Unit:
        return self._units[key.cell, key.training_seed]

    def _episodes(self, key: Key) -> tuple[int, int]:
        """The first seed and the number of its episodes."""
        study = self._study
        if key.purpose is Purpose.TUNING:
            return study.tuning.first_seed, study.tuning.episodes
        return study.first_seed, study.episodes

    def _digest(self, key: Key) -> str:
        rival = constants(with_value(self._study, key))
        return digest_of([self._unit(key).digest, rival, self._episodes(key), self._study.engine.value])

    def _play(self, key: Key) -> Play:
        unit, (first_seed, episodes) = self._unit(key), self._episodes(key)
        learned = self._trained.extra(unit, key)
        return Play(
            key=key,
            rival=with_value(self._study, key),
            task=unit.task,
            contract=unit.contract,
            chunk_length=unit.chunk_length,
            checkpoint=unit.checkpoint,
            extra=None if learned is None else learned[0],
            made_from=self._digest(key),
            first_seed=first_seed,
            episodes=episodes,
            engine=self._study.engine,
            train_s=0.0 if learned is None else learned[1],
            parent_train_s=self._trained.seconds(unit.name),
        )
