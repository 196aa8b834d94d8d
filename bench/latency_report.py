"""What a measurement of latencies looks like to a person: the machine, the rows, the ratios beside their bars."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from ratios import BARS
from rich.console import Console
from rich.table import Table

VERSIONED = ("torch", "jax", "onnxruntime", "numpy")
WIDTH = 130
BUSY = 0.7  # load average over the last minute


def machine() -> dict[str, Any]:
    """Processor, cores that we may use, and the versions of what is compared."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.is_file() else []
    model = next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "avx512": "avx512f" in flags,
        "avx512_bf16": "avx512_bf16" in flags,
        "versions": {name: version_of(name) for name in VERSIONED},
    }


def version_of(package: str) -> str | None:
    """The installed version, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def print_report(figures: dict[str, Any]) -> None:
    """Prints all of it."""
    console = Console(width=WIDTH)
    console.print(rows_table(figures))
    if figures["ratios"]:
        console.print(ratios_table(figures["ratios"], figures["ratios_of_minima"]))
    for name, reason in figures["missing"].items():
        console.print(f"left out: {name}: {reason}")
    if figures["load_before"] > BUSY:
        console.print("[bold]the machine was busy before this run: its figures are no evidence")
    console.print(
        f"load before: {figures['load_before']:.2f}. A row marked * was still disturbed after its repeats "
        "(p50 over 1.5 x its minimum)."
    )


def rows_table(figures: dict[str, Any]) -> Table:
    """One line a row, the fastest first within a size."""
    known = figures["machine"]
    table = Table(title=f"guided sampler, ms a chunk: {known['processor']}, {known['cores']} cores")
    for heading in ("net", "N", "sampler", "device", "threads", "p50", "p99", "worst", "calls", "error"):
        table.add_column(heading, justify="left" if heading in ("sampler", "device") else "right")
    before = None
    for row in sorted(figures["rows"], key=lambda row: (row["net"], row["n"], row["p50_ms"])):
        size = (row["net"], str(row["n"]))
        if before not in (None, size):
            table.add_section()
        before = size
        disturbed = "*" if row["p50_ms"] > 1.5 * row["min_ms"] else ""
        error = "" if row.get("error") is None else f"{row['error']:.0e}"
        times = [f"{row[name]:.2f}" for name in ("p50_ms", "p99_ms", "worst_ms")]
        table.add_row(
            *size, row["sampler"], row["device"], str(row["threads"]), disturbed + times[0], *times[1:],
            str(row["calls"]), error,
        )  # fmt: skip
    return table


def ratios_table(ratios: dict[str, float], of_minima: dict[str, float]) -> Table:
    """All ratios of medians, those of minima beside them (they differ where a row was disturbed), and the bars."""
    table = Table(title="ratios (vs a rival: above 1 we are faster; vs floor: 1 is the floor)")
    for heading in ("ratio", "of p50", "of minima", "bar", ""):
        table.add_column(heading, justify="left" if heading == "ratio" else "right")
    bars = {bar.name: bar for bar in BARS}
    for name, ratio in ratios.items():
        bar = bars.get(name)
        if bar is None:
            table.add_row(name, f"{ratio:.2f}", f"{of_minima[name]:.2f}", "", "")
            continue
        verdict = "reached" if bar.reached(ratio) else "not reached"
        table.add_row(
            name,
            f"{ratio:.2f}",
            f"{of_minima[name]:.2f}",
            f"{'>=' if bar.at_least else '<='} {bar.figure:g}",
            verdict,
        )
    return table
