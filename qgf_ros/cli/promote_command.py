"""`qgf promote CANDIDATE PARENT`: shadow, then trials until the evidence suffices, then promotion, or the parent stays."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgf_ros.cli.processes import add_processes

if TYPE_CHECKING:
    from qgf_ros.checkpoint import Checkpoint
    from qgf_ros.evaluate.promotion import Decision, Rule, Verdict
    from qgf_ros.evaluate.shadow import Look
    from qgf_ros.named import Named

HELP = "decide whether a candidate takes its parent's place: logged observations first, then paired trials with a sequential test"
EXAMPLE = "qgf promote out/candidate checkpoints/NAME --data data/held_out --task cube-single-task2 --name out/in_use"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument("candidate", type=Path, nargs="?", help="checkpoint folder that may take over")
    parser.add_argument(
        "parent", type=Path, nargs="?", help="checkpoint folder that is in use: with --name, NAME/current"
    )
    parser.add_argument(
        "--data",
        type=Path,
        nargs="+",
        help="recorded episodes that neither was trained on, for the look before any trial",
    )
    parser.add_argument(
        "--recipe", type=Path, help="recipe YAML that says where the goal holds (default: the candidate's)"
    )
    parser.add_argument("--task", help="simulation task of the trials (default: the candidate's)")
    parser.add_argument("--contract", type=Path, help="contract YAML (default: the candidate's)")
    parser.add_argument(
        "--runs-file",
        type=Path,
        help='outcomes of trials made elsewhere instead, in their order: {"candidate": [true, ...], "parent": [...], "paired": false}',
    )
    parser.add_argument(
        "--pairs", type=int, default=400, help="at most so many pairs of trials (default 400)"
    )
    parser.add_argument(
        "--alpha",
        type=float,
        default=0.05,
        help="how often at most one that is not better is promoted (default 0.05)",
    )
    parser.add_argument(
        "--effect",
        type=float,
        default=0.1,
        help="gain in success worth a promotion: a candidate that is better by it is given up in at most 5 %% of cases (default 0.1)",
    )
    parser.add_argument(
        "--seed", type=int, help="first seed of the trials (default: one that nothing else uses)"
    )
    parser.add_argument(
        "--name", type=Path, help="folder whose link `current` says what is in use: changed by a promotion"
    )
    parser.add_argument(
        "--power", action="store_true", help="only print how often such trials promote what, and end"
    )
    add_processes(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Decides, prints why, changes the name where one is given, returns the figures."""
    from qgf_ros.evaluate.promotion import Rule

    rule = Rule(alpha=arguments.alpha, effect=arguments.effect, cap=arguments.pairs)
    if arguments.power:
        return power_figures(rule)
    return decide(arguments, rule)


def power_figures(rule: Rule) -> dict[str, Any]:
    """Prints and returns the power table of a rule."""
    from dataclasses import asdict

    from qgf_ros.evaluate.power import power_table

    print(
        f"at most {rule.cap} pairs, alpha {rule.alpha:g}, effect {rule.effect:g}; 1000 simulated trials each, of independent outcomes"
    )
    print("parent  candidate  promoted  parent kept  pairs (mean)")
    rows = power_table(rule)
    for row in rows:
        print(
            f"{row.parent:6.2f}  {row.candidate:9.2f}  {row.promoted:8.3f}  {row.kept:11.3f}  {row.pairs:12.0f}"
        )
    return {"power": [asdict(row) for row in rows]}


def decide(arguments: argparse.Namespace, rule: Rule) -> dict[str, Any]:
    """Shadow, trials, and what follows."""
    from qgf_ros.checkpoint import load_checkpoint
    from qgf_ros.cli.origin import recipe_path
    from qgf_ros.cli.verdicts import figures_of, print_verdict
    from qgf_ros.errors import InvalidSetting
    from qgf_ros.evaluate.promotion import Decision, verdict
    from qgf_ros.evaluate.shadow import Bounds
    from qgf_ros.named import Named

    for what in ("candidate", "parent", "data"):
        if getattr(arguments, what) is None:
            raise InvalidSetting(what, None, "given, unless only --power is asked for")
    candidate, parent = load_checkpoint(arguments.candidate), load_checkpoint(arguments.parent)
    name = Named(arguments.name) if arguments.name is not None else None
    on_trial = name is not None and name.is_trial_of(arguments.candidate, arguments.parent)
    if name is not None and name.exists and not on_trial:
        name.check_parent(arguments.parent)
    shadow = look_at(arguments.data, candidate, parent, recipe_path(arguments.recipe, candidate))
    problems = shadow.problems(Bounds())
    if problems:
        print("refused before any trial: " + "; ".join(problems))
        found = verdict([], [], rule)
        decision = Decision.KEEP
    else:
        print(f"shadow on {shadow.windows} logged windows: nothing against a trial")
        found = (
            from_file(arguments.runs_file, rule)
            if arguments.runs_file
            else simulated(arguments, candidate, rule)
        )
        decision = found.decision
    figures = figures_of(found, rule) | {
        "decision": decision.value,
        "shadow": shadow.figures(),
        "refused": problems,
    }
    print_verdict(figures)
    if name is not None:
        figures["name"] = str(name.folder)
        figures["version"] = follow(name, decision, on_trial, arguments, figures)
    return figures


def look_at(data: list[Path], candidate: Checkpoint, parent: Checkpoint, recipe: Path | None) -> Look:
    """The candidate beside its parent on recorded episodes, in which a recipe says where the goal holds."""
    from qgf_ros.cli.recipe import load_recipe
    from qgf_ros.data.dataset import read_slices
    from qgf_ros.evaluate.critic_view import logged_steps_to_goal, logged_windows
    from qgf_ros.evaluate.shadow import look

    slices = [part for path in data for part in read_slices(path, parent.interface)]
    steps = (
        None if recipe is None else logged_steps_to_goal(slices, parent, load_recipe(recipe).train.relabel)
    )
    return look(candidate, parent, logged_windows(slices, parent), steps)


def from_file(path: Path, rule: Rule) -> Verdict:
    """What trials that were made elsewhere say."""
    from qgf_ros.evaluate.promotion import verdict
    from qgf_ros.evaluate.runs_file import read_runs

    runs = read_runs(path)
    return verdict(runs.candidate, runs.parent, rule)


def simulated(arguments: argparse.Namespace, candidate: Checkpoint, rule: Rule) -> Verdict:
    """What paired episodes of the candidate's task say, or of the one that is named."""
    from qgf_ros.cli.origin import chosen, contract_path
    from qgf_ros.cli.verdicts import in_simulation
    from qgf_ros.contract.load import load_contract
    from qgf_ros.evaluate.robot import load_simulation
    from qgf_ros.evaluate.trials import FIRST_SEED

    contract = load_contract(contract_path(arguments.contract, candidate, arguments.candidate))
    task = chosen("task", arguments.task, candidate)
    load_simulation(task)
    folders = (arguments.candidate, arguments.parent)
    first = FIRST_SEED if arguments.seed is None else arguments.seed
    return in_simulation(*folders, contract, task, rule, arguments.processes, first)


def follow(
    name: Named, decision: Decision, on_trial: bool, arguments: argparse.Namespace, figures: dict[str, Any]
) -> str | None:
    """Changes the name as was decided: promotes, rolls a candidate back that is in use already, or notes that nothing changed."""
    from qgf_ros.evaluate.promotion import Decision
    from qgf_ros.lineage import weights_digest

    kept = {key: figures[key] for key in ("candidate", "parent", "pairs", "wins", "losses", "e_value")}
    event = kept | {
        "parent_sha256": weights_digest(arguments.parent),
        "candidate_sha256": weights_digest(arguments.candidate),
    }
    if decision is Decision.PROMOTE and not on_trial:
        version = name.promote(arguments.candidate, arguments.parent, event)
        print(f"{name.folder} now points at {version}")
        return version
    if decision is Decision.KEEP and on_trial:
        version = name.roll_back("the trials, or the look before them, speak against it")
        print(f"{name.folder} is rolled back to {version}")
        return version
    if not name.exists:
        return None
    name.note({"decision": decision.value, **event})
    return name.version()
