"""Evidence that grows with each pair of trials and may be looked at after each: e-values of two bets, as functions of counts alone.

Each is the wealth of somebody who began with 1 and bet against a hypothesis. Under the hypothesis it is a supermartingale that is
never negative, so it reaches 1/alpha ever with a probability of at most alpha (Ville), however often one looks and whenever one
stops. Derivations: docs/adr/0029. Logarithms are natural; counts are arrays of any shape, or numbers, and the result has their shape.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, logsumexp
from scipy.stats import beta

from qgf_ros.datatypes import FloatArray

Counts = npt.NDArray[np.int64] | int
STAKES = np.geomspace(0.04, 0.96, 10)  # shares of the largest stake that `not_better` may place


def better(wins: Counts, losses: Counts) -> FloatArray:
    """Against "the candidate is not better": log wealth after `wins` pairs that only the candidate won and `losses` lost.

    Given that a pair decides, the hypothesis wins it for the candidate with a probability of at most 1/2. The bet is on a rate q
    that is even on (1/2, 1): E = 2 int_{1/2}^{1} (2 q)^wins (2 (1 - q))^losses dq.
    """
    won, lost = np.asarray(wins, np.float64), np.asarray(losses, np.float64)
    upper = beta.logsf(0.5, won + 1.0, lost + 1.0)
    return np.asarray((won + lost + 1.0) * np.log(2.0) + betaln(won + 1.0, lost + 1.0) + upper)


def not_better(wins: Counts, losses: Counts, pairs: Counts, effect: float) -> FloatArray:
    """Against "the candidate is better by `effect` or more": log wealth after `pairs` pairs.

    A pair's difference D is 1, 0 or -1, its mean at least `effect` by the hypothesis. A stake s pays 1 - s (D - effect), which is
    never negative for s up to 1 / (1 - effect); the bet is even over STAKES of that.
    """
    stakes = STAKES / (1.0 - effect)
    pays = np.log1p(np.stack([-stakes * (1.0 - effect), stakes * (1.0 + effect), stakes * effect]))  # (3, S)
    won, lost, count = (np.asarray(found, np.float64) for found in (wins, losses, pairs))
    logs = np.stack([won, lost, count - won - lost], axis=-1) @ pays
    return np.asarray(logsumexp(logs, axis=-1) - np.log(len(stakes)))
