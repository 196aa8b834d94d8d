"""Processes that train one run together: each takes its share of every batch, their gradients are averaged, and all take the same step.

This is what DistributedDataParallel does for networks that autograd differentiates; ours write their gradients themselves, into one flat
tensor (`gradients.in_one_piece`), so one sum over the processes is all there is to do. `torchrun` starts the processes.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed
from torch import Tensor

from qgf_ros.errors import InvalidSetting


@dataclass(frozen=True)
class Team:
    """This process among `size`; rank 0 leads: it alone collects, prints, saves and evaluates."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """True for the one that speaks for all."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """Which rows of a batch of `count` are this process's. Raises InvalidSetting where shares would differ in size."""
        if count % self.size:
            raise InvalidSetting("train.batch_size", count, f"a multiple of the {self.size} processes")
        each = count // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def average(self, tensor: Tensor) -> Tensor:
        """Return `tensor`, which becomes the mean over the processes in place; waits for all of them."""
        if self.size > 1:
            torch.distributed.all_reduce(tensor)
            tensor /= self.size
        return tensor

    def wait(self) -> None:
        """Waits until all processes are here."""
        if self.size > 1:
            torch.distributed.barrier()


ALONE = Team()
WAITS_FOR = timedelta(
    days=1
)  # for one that collects or evaluates; of one that ended torchrun tells the others


@contextmanager
def joined(device: torch.device) -> Iterator[Team]:
    """The processes that `torchrun` started beside this one; `ALONE` where it did not."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield ALONE
        return
    # Its functions take the group of this moment as a default. Imported by torch within the group, they would keep the group and its threads
    # beyond the end, and a thread that then lets go of a tensor while the interpreter ends aborts the process.
    importlib.import_module("torch.distributed.nn.functional")
    backend = "nccl" if device.type == "cuda" else "gloo"
    torch.distributed.init_process_group(backend, timeout=WAITS_FOR)
    try:
        yield Team(torch.distributed.get_rank(), torch.distributed.get_world_size())
    finally:
        torch.distributed.destroy_process_group()
