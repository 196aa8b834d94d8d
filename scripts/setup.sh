#!/usr/bin/env bash
# Makes the virtual environment of `make setup`. Reads VENV, PYTHON, TORCH_SPEC, TORCH_INDEX, EXTRAS (see the Makefile).
set -euo pipefail

venv=${VENV:-.venv}
torch_spec=${TORCH_SPEC:-torch==2.13.0}
extras=${EXTRAS:-sim,ros,train,onnx,data,test,lint}
cpu_index=https://download.pytorch.org/whl/cpu

usable() { # a Python 3.11 or 3.12 that can make virtual environments
  "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' >/dev/null 2>&1
}

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3.11 python3.12 python3 python}; do
    if usable "$candidate"; then echo "$candidate"; return; fi
  done
  echo "No Python 3.11 or 3.12 with venv found (tried: ${PYTHON:-python3.11 python3.12 python3 python}):" \
    "install one (on Debian and Ubuntu with its -venv package), or name it with PYTHON=..." >&2
  return 1
}

has_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q GPU; }

reachable() { # answers within a few seconds?
  "$venv/bin/python" - "$1" 2>/dev/null <<'PY'
import sys, urllib.request
urllib.request.urlopen(sys.argv[1].rstrip("/") + "/torch/", timeout=4).read(1)
PY
}

install_torch() {
  local index
  if [ -n "${TORCH_INDEX+set}" ]; then
    index=$TORCH_INDEX
  elif has_gpu; then
    index=""
  elif reachable "$cpu_index"; then
    index=$cpu_index
  else
    index=""
    echo "setup: no NVIDIA GPU is seen, but PyTorch's CPU index cannot be reached; taking the $torch_spec that pip finds (TORCH_INDEX=URL names another place)."
  fi
  # --no-deps: the index of PyTorch holds PyTorch; what it needs comes with the rest.
  if [ -n "$index" ]; then
    pip_install --no-deps --index-url "$index" "$torch_spec"
  else
    pip_install -c constraints.txt "$torch_spec"
  fi
}

pip_install() { "$venv/bin/python" -m pip install -qq --disable-pip-version-check "$@"; }

if [ ! -x "$venv/bin/python" ]; then
  python=$(find_python)
  echo "setup: making $venv with $("$python" --version) (about 2 GB, some minutes)"
  "$python" -m venv "$venv"
fi
echo "setup: PyTorch"
install_torch
echo "setup: everything else"
pip_install -c constraints.txt -e ".[$extras]"
"$venv/bin/python" -m pip check
echo "setup: ready"
