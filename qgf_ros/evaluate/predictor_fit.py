"""Learns what the next observation is to be, and how surely: the detector's one-step predictor (inference/novelty.py). Ours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from qgf_ros.data.chunks import Array
from qgf_ros.errors import DatasetTooShort
from qgf_ros.inference.small_networks import LEAST_LOG_VARIANCE, MOST_LOG_VARIANCE, Predictor

WIDTH = 128
BATCH = 512
FIRST_RATE, LAST_RATE = 1e-3, 1e-5
GAPS = (0.5, 2.5)  # of the usual step: the shortest and the longest that is learned
VARIANCE_SHARE = (
    0.5  # beta of the beta-NLL loss, arXiv 2203.09168, equation 5: what is uncertain is not given up
)


def fit_predictor(
    episodes: Sequence[Array], commanded: Sequence[int], step: int, steps: int, seed: int
) -> Predictor:
    """The predictor after `steps` gradient steps on normalised observations, one (T, O) array an episode.

    `step` is the usual number of control periods between two observations; those from half as many on are learned.

    Raises:
        DatasetTooShort: no episode is longer than the longest gap.
    """
    longest = max(1, round(GAPS[1] * step))
    kept = [episode for episode in episodes if len(episode) > longest]
    if not kept:
        raise DatasetTooShort(sum(map(len, episodes)), longest + 1)
    rows = torch.from_numpy(np.concatenate(kept).astype(np.float32))
    starts = torch.from_numpy(_starts([len(episode) for episode in kept], longest))
    count = rows.shape[1]
    ours = list(commanded)
    theirs = [index for index in range(count) if index not in set(ours)]
    generator = torch.Generator().manual_seed(seed)
    network = _network(count + len(ours) + 1, len(theirs), generator)
    optimiser = torch.optim.Adam(network.parameters(), FIRST_RATE)
    for index in range(steps):
        optimiser.param_groups[0]["lr"] = FIRST_RATE * (1.0 - index / steps) + LAST_RATE
        at = starts[torch.randint(len(starts), (BATCH,), generator=generator)]
        gap = torch.randint(max(1, round(GAPS[0] * step)), longest + 1, (BATCH,), generator=generator)
        before, now = rows[at], rows[at + gap]
        given = torch.cat([before, now[:, ours], (gap / step)[:, None].float()], dim=1)
        loss = _loss(network(given), (now - before)[:, theirs])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    dense = [layer for layer in network if isinstance(layer, nn.Linear)]
    return Predictor(
        tuple(np.ascontiguousarray(layer.weight.detach().numpy().T) for layer in dense),
        tuple(layer.bias.detach().numpy().copy() for layer in dense),
    )


def _network(inputs: int, outputs: int, generator: torch.Generator) -> nn.Sequential:
    layers = [nn.Linear(inputs, WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 2 * outputs)]
    with torch.no_grad():
        for layer in layers:
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            nn.init.zeros_(layer.bias)
    first, second, last = layers
    return nn.Sequential(first, nn.GELU(approximate="tanh"), second, nn.GELU(approximate="tanh"), last)


def _loss(answer: Tensor, wanted: Tensor) -> Tensor:
    mean, log_variance = answer.chunk(2, dim=1)
    log_variance = log_variance.clamp(LEAST_LOG_VARIANCE, MOST_LOG_VARIANCE)
    variance = log_variance.exp()
    return ((((wanted - mean) ** 2 / variance) + log_variance) * variance.detach() ** VARIANCE_SHARE).mean()


def _starts(lengths: Sequence[int], longest: int) -> npt.NDArray[np.int64]:
    """Rows of the episodes laid end to end that have `longest` successors in their episode."""
    ends = np.cumsum(lengths)
    return np.concatenate(
        [np.arange(end - length, end - longest) for end, length in zip(ends, lengths, strict=True)]
    ).astype(np.int64)
