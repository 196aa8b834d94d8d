#!/usr/bin/env bash
# Builds the package as a ROS workspace does, and checks that colcon sees an ament_python package. Reads VENV.
# colcon gets an environment of its own: it brings pytest plug-ins that our tests should not meet.
set -euo pipefail

python=$(cd "${VENV:-.venv}" && pwd)/bin/python
tools=$(pwd)/${VENV:-.venv}-colcon
if [ ! -x "$tools/bin/colcon" ]; then
  echo "build: making $tools"
  "$python" -m venv "$tools"
  mapfile -t wanted < <("$python" - <<'PY'
from importlib.metadata import requires
print(*(line.split(";")[0].strip() for line in requires("qgf_ros") or () if 'extra == "colcon"' in line), sep="\n")
PY
  )
  "$tools/bin/python" -m pip install -qq --disable-pip-version-check -c constraints.txt "${wanted[@]}"
fi
export PATH="$tools/bin:$PATH"

listed=$(colcon list --base-paths .)
echo "$listed"
case "$listed" in
  *"(ros.ament_python)"*) ;;
  *) echo "colcon does not take qgf_ros for an ament_python package: package.xml has an error that it does not report." >&2; exit 1 ;;
esac
colcon build --base-paths . "$@"
