"""What trials of a candidate against its parent say: run with progress, as figures, and in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgf_ros.cli.progress import counted_progress
from qgf_ros.contract.schema import Contract
from qgf_ros.evaluate.compare import wilson
from qgf_ros.evaluate.power import smallest_detectable
from qgf_ros.evaluate.promotion import Decision, Rule, Verdict, verdict
from qgf_ros.evaluate.trials import run_trials

IN_WORDS = {
    Decision.PROMOTE: "promote",
    Decision.KEEP: "keep the parent",
    Decision.UNDECIDED: "undecided: nothing changes",
}


def in_simulation(
    candidate: Path,
    parent: Path,
    contract: Contract,
    task: str,
    rule: Rule,
    processes: int,
    first_seed: int,
) -> Verdict:
    """What paired episodes say."""
    found = verdict([], [], rule)
    with counted_progress(rule.cap, 0, "pair") as progress:
        for found in run_trials(contract, candidate, parent, task, rule, first_seed, processes):
            shown = {
                "candidate": found.candidate / found.pairs,
                "parent": found.parent / found.pairs,
                "e": found.e_value,
            }
            progress(found.pairs, shown)
    return found


def figures_of(found: Verdict, rule: Rule) -> dict[str, Any]:
    """A verdict as plain values, with intervals and the smallest gain that such trials find."""
    sides = {}
    for side, successes in (("parent", found.parent), ("candidate", found.candidate)):
        share = successes / found.pairs if found.pairs else None
        sides[side] = {"success": share, "interval": list(wilson(successes, found.pairs))}
    parent = found.parent / found.pairs if found.pairs else 0.5
    return sides | {
        "pairs": found.pairs,
        "wins": found.wins,
        "losses": found.losses,
        "e_value": found.e_value,
        "futility_e_value": found.futility_e_value,
        "decision": found.decision.value,
        "smallest_detectable": smallest_detectable(parent, rule),
        "alpha": rule.alpha,
        "effect": rule.effect,
        "most_pairs": rule.cap,
    }


def print_verdict(figures: dict[str, Any]) -> None:
    """What a person reads."""
    if figures["pairs"]:
        ours, theirs = figures["candidate"], figures["parent"]
        print(
            f"candidate {ours['success']:.3f}, parent {theirs['success']:.3f} over {figures['pairs']} pairs; only the candidate succeeded in "
            f"{figures['wins']}, only the parent in {figures['losses']}: evidence {figures['e_value']:.3g} of {1 / figures['alpha']:.3g} that the "
            f"candidate is better, {figures['futility_e_value']:.3g} that it is not better by {figures['effect']:g}"
        )
        smallest = figures["smallest_detectable"]
        gain = "no gain" if smallest is None else f"a gain of {smallest:.2f} or more"
        print(
            f"at this success of the parent {figures['most_pairs']} pairs find {gain} in four of five trials"
        )
    print(IN_WORDS[Decision(figures["decision"])])
