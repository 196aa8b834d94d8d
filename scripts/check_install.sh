#!/usr/bin/env bash
# Builds the wheel, installs it in an environment of its own, and looks from outside the clone whether it finds its files.
# The libraries are borrowed from VENV through a path file, so that this takes seconds. Reads VENV.
set -euo pipefail

venv=$(cd "${VENV:-.venv}" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$venv/bin/python" -m pip wheel -qq --disable-pip-version-check --no-deps --wheel-dir "$scratch/wheel" .
"$venv/bin/python" -m venv "$scratch/venv"
"$scratch/venv/bin/python" -m pip install -qq --disable-pip-version-check --no-deps "$scratch"/wheel/*.whl
borrowed=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
site=$("$scratch/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "$borrowed" > "$site/borrowed.pth"

cd "$scratch"
"$scratch/venv/bin/python" - "$scratch/venv" <<'PY'
import sys
from pathlib import Path

import qgf_sim

import qgf_ros
from qgf_ros.contract.load import load_contract
from qgf_ros.graph import load_graph
from qgf_ros.share import share_path

prefix = Path(sys.argv[1]).resolve()
for module in (qgf_ros, qgf_sim):
    assert prefix in Path(module.__file__).resolve().parents, f"{module.__name__} comes from {module.__file__}, not from the wheel"
for contract in sorted(share_path("config/contracts").glob("*.yaml")):
    load_contract(contract)
    print("contract", contract)
for graph in sorted(share_path("config/graphs").glob("*.yaml")):
    load_graph(graph)
    print("graph", graph)
PY
"$scratch/venv/bin/qgf" --help >/dev/null
for executable in qgf policy_node command_node sim_node; do test -x "$scratch/venv/bin/$executable"; done
echo "check-install: the wheel finds its files"
