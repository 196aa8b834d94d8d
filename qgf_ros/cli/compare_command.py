"""`qgf compare STUDY.yaml`: trains what is missing, tunes, plays, and reports methods against one another with what can be claimed."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from qgf_ros.cli.processes import add_processes

HELP = "compare methods by a study: train what is missing, tune on tuning episodes, report on others"
EXAMPLE = """qgf compare config/studies/smoke.yaml
  qgf compare config/studies/smoke.yaml --until plan      # what is to be trained and played
  qgf compare config/studies/smoke.yaml --until tuning    # then commit the choices, and go on without --until
  qgf compare config/studies/cpu.yaml --base qgf          # the same rows, differences against another method"""
REPORT = "report"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument("study", type=Path, help="study YAML, for example one of config/studies")
    parser.add_argument(
        "--folder", type=Path, help="where rows, choices and the report go (default: the study's)"
    )
    parser.add_argument("--work", type=Path, help="where trained weights go (default: the study's)")
    parser.add_argument(
        "--until",
        choices=["plan", "tuning"],
        help="plan: say what is missing, and do nothing; tuning: end before any reporting episode, so that choices can be committed",
    )
    parser.add_argument(
        "--base",
        help="take differences against this method of the study, into report-METHOD (default: the study's, into report)",
        metavar="METHOD",
    )
    add_processes(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Does what is missing, writes the report, prints its tables, returns its figures; less where `until` says so."""
    from qgf_ros.cli.study_course import Course
    from qgf_ros.errors import InvalidSetting
    from qgf_ros.evaluate.study import load_study
    from qgf_ros.evaluate.study_choice import CHOICES, how_chosen
    from qgf_ros.evaluate.study_figures import figures
    from qgf_ros.evaluate.study_page import page
    from qgf_ros.evaluate.study_report import markdown
    from qgf_ros.train.memory import keep_freed_memory
    from qgf_ros.whole_file import write_whole

    if arguments.processes < 1:
        raise InvalidSetting("--processes", arguments.processes, "at least 1")
    keep_freed_memory()
    study = load_study(arguments.study)
    given = {"folder": arguments.folder, "work": arguments.work}
    study = dataclasses.replace(study, **{name: path for name, path in given.items() if path is not None})
    name = REPORT
    if arguments.base is not None and arguments.base != study.base:
        study, name = study.against(arguments.base), f"{REPORT}-{arguments.base}"
    course = Course(study, arguments.processes)
    if arguments.until == "plan":
        plan = course.plan()
        print(plan.words())
        return {"study": study.name, **dataclasses.asdict(plan)}
    frozen = course.choices()
    if arguments.until == "tuning":
        print(f"chosen: {frozen.choices}; commit {study.results / CHOICES} before going on")
        return {"study": study.name, "choices": frozen.choices}
    rows, choices = course.reported(frozen)
    found = figures(study, choices, rows, how_chosen(study, frozen))
    report = markdown(found)
    written = study.results / f"{name}.md", study.results / f"{name}.html"
    write_whole(written[0], report)
    write_whole(written[1], page(found))
    print(report)
    print(f"written: {written[0]}, {written[1]}")
    return found
