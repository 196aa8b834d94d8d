# One front door. `make help` lists the targets; CI calls the same ones.
#
#   PYTHON=python3.12     another interpreter for .venv (3.11 or 3.12)
#   TORCH_SPEC=torch==X   another PyTorch (see TORCH_INDEX)
#   TORCH_INDEX=URL       where to take it from; empty: wherever pip looks. Unset: PyTorch's CPU index where no NVIDIA GPU is seen
#   TESTS="-k chunk"      more arguments for pytest

SHELL := /bin/bash
VENV ?= .venv
BIN := $(VENV)/bin
PURE := not ros and not sim and not slow and not gpu

# The environment of every target, in one place. A sourced ROS installation must not mix with the wheels in .venv.
ifdef AMENT_PREFIX_PATH
unexport LD_LIBRARY_PATH
endif
unexport PYTHONPATH AMENT_PREFIX_PATH _ROS_WHEELS_BOOTSTRAP_COMPLETE
export MUJOCO_GL ?= disable
export ROS_AUTOMATIC_DISCOVERY_RANGE ?= LOCALHOST
export PYTHONUNBUFFERED = 1

.DEFAULT_GOAL := help
.PHONY: help setup demo bench test fuzz unit lint types long build check-install ci clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

setup: $(VENV)/.ready  ## make .venv with the versions of constraints.txt (once)
	@:

$(VENV)/.ready: setup.py constraints.txt scripts/setup.sh $(wildcard qgf_ros/inference/engines/native/*.[chi]*)
	@VENV="$(VENV)" bash scripts/setup.sh && touch $@

demo: setup  ## simulator, policy and command node as ROS 2 processes: guided against unguided, a table, a plot, a video
	@$(BIN)/qgf demo $(ARGS)

bench: setup  ## engines against JAX, autograd and the floor (installs JAX; 10 minutes; ARGS=--quick: 2)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e ".[bench]"
	@$(BIN)/qgf bench latency $(ARGS)

test: setup  ## everything a stranger should see pass: pure tests in two processes, then those of ROS and the simulator
	@result=0; \
	$(BIN)/python -m pytest -n 2 -m "$(PURE)" $(TESTS) || result=$$?; \
	$(BIN)/python -m pytest -m "(ros or sim) and not slow and not gpu" $(TESTS) || result=$$?; \
	exit $$result

fuzz: setup  ## hostile inputs at every loader: 100,000 in about a quarter of an hour (ARGS="--inputs 5000 --only bag")
	@PYTHONPATH=.:sim:test OMP_NUM_THREADS=1 $(BIN)/python -m fuzz $(ARGS)

unit: setup  ## the pure tests only, in two processes: no ROS, no simulator; minutes (TESTS=test/control: seconds)
	$(BIN)/python -m pytest -n 2 -m "$(PURE)" $(TESTS)

lint: setup types  ## style, format, types, and which layer may import which
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && PYTHONPATH=.:sim $(BIN)/lint-imports

types: setup  ## mypy, strict on the pure layers
	$(BIN)/mypy

long: lint build check-install  ## lint, packaging and the slow suites
	$(BIN)/python -m pytest -m "slow and not gpu" $(TESTS)

build: setup  ## colcon build, as in a ROS workspace
	@VENV="$(VENV)" bash scripts/colcon_build.sh

check-install: setup  ## the wheel, installed elsewhere, finds its files
	@VENV="$(VENV)" bash scripts/check_install.sh

ci: test long  ## what CI runs

clean:  ## remove what make made
	rm -rf $(VENV) build install log dist out *.egg-info
