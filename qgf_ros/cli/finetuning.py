"""One fine-tuning run with its files: data read and split, state saved and restored, the candidate written."""

from __future__ import annotations

import dataclasses
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgf_ros.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from qgf_ros.cli.progress import counted_progress
from qgf_ros.cli.versions import versions_of
from qgf_ros.contract.schema import Contract, Interface
from qgf_ros.data.dataset import Dataset, Slice, fingerprint, from_slices, read_slices, split_episodes
from qgf_ros.data.mixture import Mixture, Windowed
from qgf_ros.data.relabel import Relabel, Source
from qgf_ros.data.seen_joints import seen_in
from qgf_ros.errors import CheckpointError, InvalidSetting
from qgf_ros.evaluate.critic_view import ceiling, logged_windows, unguided_chunks, view
from qgf_ros.evaluate.guidance_weight import weighed_like
from qgf_ros.inference.aim import check_of_one_goal
from qgf_ros.lineage import after, weights_digest
from qgf_ros.seen import load_seen
from qgf_ros.train.config import TrainConfig
from qgf_ros.train.finetune import FinetuneConfig, copied, finetune, make_finetuner
from qgf_ros.train.kept import Kept
from qgf_ros.train.loop import Trainer
from qgf_ros.train.state_file import STATE, device_for_training, restore_state, run_identity, save_state
from qgf_ros.train.update import Part

VERSIONED = ("torch", "numpy")
UNLABELLED = TrainConfig(Relabel(by=Source.HAND), steps=1)  # a policy is cloned without rewards


@dataclass(frozen=True)
class Places:
    """Where things lie: the parent, new and old data, the candidate, and the run's state."""

    parent: Path
    data: tuple[Path, ...]
    old: tuple[Path, ...]
    output: Path
    run_folder: Path


@dataclass(frozen=True)
class Data:
    """Episodes to train on, held-out and old ones, as they lie in their files."""

    new: list[Slice]
    held_out: list[Slice]
    old: list[Slice]

    @classmethod
    def read(cls, places: Places, interface: Interface, share: float) -> Data:
        """`share` of each new data set is held out. Raises as `read_slices` and `split_episodes`."""
        splits = [split_episodes(read_slices(path, interface), share) for path in places.data]
        new, held_out = ([part for pair in splits for part in pair[side]] for side in (0, 1))
        return cls(new, held_out, [part for path in places.old for part in read_slices(path, interface)])

    def training(self, new: Dataset, interface: Interface, relabel: Relabel, old_share: float) -> Windowed:
        """What batches are drawn from: the `new` data, with the share of old ones where there are any. Raises InvalidSetting."""
        return Mixture(new, from_slices(self.old, interface, relabel), 1.0 - old_share) if self.old else new

    def digests(self) -> dict[str, str | None]:
        """Which data they are."""
        old = fingerprint(self.old) if self.old else None
        return {"data": fingerprint([*self.new, *self.held_out]), "old": old}


class FinetuningRun:
    """State: the trainer, the weights to keep, how the parent's critic sees the held-out episodes."""

    def __init__(
        self, places: Places, contract: Contract, recipe: TrainConfig | None, config: FinetuneConfig
    ) -> None:
        """Reads all data, and goes on where an interrupted run stands.

        Raises:
            InvalidSetting: a critic is to be trained, and no recipe says where the goal holds; old data without a share.
            InterfaceMismatchError, DatasetTooShort, ...: as `read_slices`, `split_episodes`, `load_checkpoint`, `restore_state`.
        """
        if recipe is None and config.part is not Part.POLICY:
            accepted = (
                "given: the checkpoint names no recipe of the package, and one says where the goal holds"
            )
            raise InvalidSetting("--recipe", None, accepted)
        self._places, self._contract, self._config = places, contract, config
        interface = contract.interface
        self.parent = load_checkpoint(places.parent, interface)
        check_of_one_goal(self.parent, "Fine-tuning")
        train = config.of_recipe(recipe or UNLABELLED, self.parent)
        self._data = Data.read(places, interface, config.held_out)
        self._digests = self._data.digests() | {"parent": weights_digest(places.parent)}
        fixed = dataclasses.asdict(config) | {
            "recipe": train.as_mapping(),
            "interface": interface.digest,
        }
        for counts in (fixed, fixed["recipe"]):
            counts.pop("steps")
        self._identity = run_identity(fixed | self._digests)
        new, held_out = (
            from_slices(part, interface, train.relabel) for part in (self._data.new, self._data.held_out)
        )
        self.at_goal = new.successes + held_out.successes
        training = self._data.training(new, interface, train.relabel, config.old_share)
        device = device_for_training()
        self._trainer = make_finetuner(train, config.part, self.parent, training, held_out, device)
        self._kept = Kept(copied(self.parent.networks), config.keep)
        self._restore()
        self._windows = logged_windows(self._data.held_out, self.parent)

    def ceiling(self) -> dict[str, float]:
        """What the parent's flow has to choose from on the held-out episodes, by the parent's critic."""
        return ceiling(view(self.parent, self._windows, unguided_chunks(self.parent, self._windows)))

    def go(self, seconds: float) -> dict[str, Any]:
        """Trains, writes the candidate, returns the figures."""
        began, first = time.monotonic(), self._trainer.state.step
        with counted_progress(self._config.steps, first, "step") as progress:

            def on_check(trainer: Trainer, kept: Kept, metrics: Mapping[str, float]) -> None:
                self._save()
                shown = {f"held_out_{name}": mark["loss"] for name, mark in kept.figures().items()}
                progress(trainer.state.step, shown)

            ended_by = finetune(self._trainer, self._kept, self._config.patience, seconds, on_check)
        self._save()
        figures: dict[str, Any] = {
            "part": self._config.part.value,
            "steps": self._trainer.state.step,
            "ended_by": ended_by,
            "train_s": time.monotonic() - began,
            "at_goal": self.at_goal,
            "episodes": {"new": _episodes(self._data.new), "held_out": _episodes(self._data.held_out)},
            "kept": self._kept.figures(),
        }
        candidate = self._candidate(figures)
        save_checkpoint(self._places.output, candidate)
        self._save_seen()
        return figures | {"guidance_weight": candidate.defaults.guidance_weight}

    def _candidate(self, figures: Mapping[str, Any]) -> Checkpoint:
        event = {
            "event": "finetuned",
            "parent": str(self._places.parent),
            "parent_sha256": self._digests["parent"],
            "dataset_sha256": self._digests["data"],
            "old_dataset_sha256": self._digests["old"],
            "old_share": self._config.old_share if self._digests["old"] else 0.0,
            "learning_rate": self._config.learning_rate,
            "seed": self._config.seed,
            "keep": self._config.keep.value,
        }
        event |= {name: figures[name] for name in ("part", "steps", "ended_by", "kept")}
        kept = {key: self.parent.provenance.get(key) for key in ("recipe", "contract", "task", "history")}
        provenance = {key: value for key, value in kept.items() if value is not None} | {
            "parent": str(self._places.parent),
            "seed": self._config.seed,
            "steps": figures["steps"],
            "dataset_sha256": self._digests["data"],
            "versions": {"python": platform.python_version()} | versions_of(VERSIONED),
        }
        networks = self._kept.networks.requires_grad_(False).eval()
        made = dataclasses.replace(self.parent, networks=networks, provenance=provenance)
        made = weighed_like(made, self.parent, self._windows)
        event |= {"guidance_weight": made.defaults.guidance_weight}
        return after(made, event)

    def _save(self) -> None:
        kept = dataclasses.replace(
            self.parent, networks=self._kept.networks, provenance={"kept": self._kept.figures()}
        )
        save_checkpoint(self._places.run_folder / "kept", kept)  # a crash before the state repeats some steps
        save_state(self._places.run_folder / "state", self._trainer.state, self._identity)

    def _restore(self) -> None:
        state = self._places.run_folder / "state"
        if not (state / STATE).is_file():
            return
        restore_state(state, self._trainer.state, self._identity)
        folder = self._places.run_folder / "kept"
        kept = load_checkpoint(folder, self._contract.interface)
        marks = kept.provenance.get("kept")
        if not isinstance(marks, dict):
            raise CheckpointError(folder, "it does not say which steps it kept; give --restart to begin anew")
        self._kept.networks.load_state_dict(kept.networks.state_dict())
        self._kept.restore(marks)
        print(f"resumed at step {self._trainer.state.step} from {state}")

    def _save_seen(self) -> None:
        """Where the robot stood in the parent's data, and in these."""
        before = load_seen(self._places.parent)
        now = seen_in(self._contract, [*self._data.new, *self._data.held_out])
        (now if before is None else now.joined(before)).save(self._places.output)


def _episodes(slices: list[Slice]) -> int:
    return sum(int(part.terminals.sum()) for part in slices)
