"""The doctor: each check of given facts, and that none of them ends in a traceback on any machine."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest

from qgf_ros.cli.main import main
from qgf_ros.doctor import compute, machine, middleware
from qgf_ros.doctor.examine import examine
from qgf_ros.doctor.finding import Finding, State, ok, tried

OK, WARN, FAIL = State.OK, State.WARN, State.FAIL
GB = 1024**3
NOBODY, ROOT_USER = "0000000000000000", "000001ffffffffff"


def written(root: Path, files: dict[str, str]) -> Path:
    """A root folder with these files in it."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(("flag", "state"), [("1\n", OK), ("0\n", WARN), (None, WARN)])
def test_a_kernel_is_well_with_preempt_rt(tmp_path: Path, flag: str | None, state: State) -> None:
    files = {"proc/sys/kernel/osrelease": "6.1.0-28-rt-amd64\n"}
    if flag is not None:
        files["sys/kernel/realtime"] = flag
    finding = machine.kernel(written(tmp_path, files))
    assert finding.state is state
    assert "6.1.0-28-rt-amd64" in finding.found


@pytest.mark.parametrize(
    ("names", "state"),
    [([], OK), (["performance", "performance"], OK), (["performance", "powersave"], WARN)],
)
def test_a_governor_that_saves_power_is_named_with_the_command_that_changes_it(
    tmp_path: Path, names: list[str], state: State
) -> None:
    folder = "sys/devices/system/cpu"
    files = {f"{folder}/cpu{i}/cpufreq/scaling_governor": f"{name}\n" for i, name in enumerate(names)}
    finding = machine.governor(written(tmp_path, {f"{folder}/online": "0-1\n"} | files))
    assert finding.state is state
    assert ("cpupower frequency-set -g performance" in finding.advice) == (state is WARN)


@pytest.mark.parametrize(("count", "load", "state"), [(4, 0.5, OK), (1, 0.0, WARN), (2, 1.9, WARN)])
def test_two_free_cores_are_enough(count: int, load: float, state: State) -> None:
    assert machine.cores(count, load).state is state


@pytest.mark.parametrize(
    ("limit", "capabilities", "state"), [(0, ROOT_USER, OK), (10, NOBODY, OK), (9, NOBODY, WARN)]
)
def test_a_priority_needs_the_capability_or_the_limit(limit: int, capabilities: str, state: State) -> None:
    finding = machine.realtime_limit(limit, capabilities, wanted=10)
    assert finding.state is state
    assert ("rtprio 10" in finding.advice) == (state is WARN)


@pytest.mark.parametrize(
    ("limit", "capabilities", "state"),
    [(8 << 20, ROOT_USER, OK), (resource.RLIM_INFINITY, NOBODY, OK), (8 << 20, NOBODY, WARN)],
)
def test_memory_is_locked_with_the_capability_or_without_a_limit(
    limit: int, capabilities: str, state: State
) -> None:
    finding = machine.memory_lock(limit, capabilities)
    assert finding.state is state
    assert ("memlock unlimited" in finding.advice) == (state is WARN)


@pytest.mark.parametrize(
    ("total", "free", "state", "found"),
    [(0, 0, OK, "none"), (2097152, 2097152, OK, "2.0 GB, unused"), (2097152, 2048000, WARN, "48 MB")],
)
def test_memory_that_is_on_the_disk_is_counted(
    tmp_path: Path, total: int, free: int, state: State, found: str
) -> None:
    text = f"MemTotal: 24000000 kB\nSwapTotal: {total} kB\nSwapFree: {free} kB\nHugePages_Total: 0\n"
    finding = machine.swap(written(tmp_path, {"proc/meminfo": text}))
    assert finding.state is state
    assert found in finding.found


@pytest.mark.parametrize(("free", "state"), [(50 * GB, OK), (2 * GB, WARN), (GB // 4, FAIL)])
def test_a_full_disk_fails(free: int, state: State) -> None:
    assert machine.disk(Path("/data"), free).state is state


@pytest.mark.parametrize(
    ("clock", "state"),
    [
        (machine.ClockState(True, 0.0002, 0.01), OK),
        (machine.ClockState(True, -0.004, 0.01), WARN),
        (machine.ClockState(False, 0.0, 16.0), WARN),
    ],
)
def test_a_clock_is_well_when_it_is_synchronised_to_a_millisecond(
    clock: machine.ClockState, state: State
) -> None:
    assert machine.clock(clock).state is state


def test_a_gpu_that_pytorch_cannot_use_is_said() -> None:
    named = "NVIDIA H200, 580.95.05, 143771 MiB"
    assert compute.gpu(None, False) == ok("gpu", "no NVIDIA GPU: the policy is computed on the CPU")
    assert compute.gpu(named, True) == compute.gpu(named, None) == ok("gpu", named)
    assert compute.gpu(named, False).state is WARN


@pytest.mark.parametrize(
    ("level", "problem", "has_cuda", "state", "found"),
    [
        ("avx512", "", True, OK, "cuda_graph"),
        ("avx512", "", False, OK, "cpu (avx512)"),
        ("avx2", "", False, OK, "cpu (avx2)"),
        ("portable", "", False, WARN, "no AVX2"),
        ("", "it was not built", False, WARN, "it was not built"),
    ],
)
def test_the_engine_that_would_run_is_named(
    level: str, problem: str, has_cuda: bool, state: State, found: str
) -> None:
    finding = compute.engine(level, problem, has_cuda)
    assert finding.state is state
    assert found in finding.found


def test_onnxruntime_may_be_absent() -> None:
    assert compute.onnx(None, ()).state is OK
    assert compute.onnx("1.20", ("CPUExecutionProvider",)).found == "1.20 with CPUExecutionProvider"


@pytest.mark.parametrize(
    ("name", "state"), [("", OK), ("rmw_fastrtps_cpp", OK), ("rmw_cyclonedds_cpp", WARN)]
)
def test_another_middleware_is_one_that_was_not_tried(name: str, state: State) -> None:
    assert middleware.middleware({"RMW_IMPLEMENTATION": name} if name else {}).state is state


def test_segments_that_nobody_maps_are_left_behind(tmp_path: Path) -> None:
    names = [f"fastdds_{number:016x}" for number in range(30)]
    written(tmp_path, dict.fromkeys(names, "x" * 1000) | {f"{names[0]}_el": "", "sem.other": ""})
    finding = middleware.shared_memory(tmp_path, set(names[:2]), GB)
    assert finding.state is WARN
    assert finding.found.startswith("30 segments of Fast DDS, 28 of them left behind")
    assert "fastdds shm clean" in finding.advice
    assert middleware.shared_memory(tmp_path, set(names), GB).state is OK
    assert middleware.shared_memory(tmp_path, set(names), 1024).state is WARN
    assert middleware.shared_memory(tmp_path / "none", set(), GB).state is WARN


@pytest.mark.parametrize(
    ("environment", "state"),
    [
        ({}, WARN),
        ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}, WARN),
        ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "localhost"}, OK),
        ({"ROS_LOCALHOST_ONLY": "1"}, OK),
        ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF"}, FAIL),
        ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "HERE"}, FAIL),
    ],
)
def test_who_can_hear_these_nodes(environment: dict[str, str], state: State) -> None:
    finding = middleware.discovery(environment)
    assert finding.state is state
    assert bool(finding.advice) == (state is not OK)


@pytest.mark.parametrize(
    ("text", "state"), [("", OK), ("0", OK), ("42", OK), ("150", WARN), ("233", FAIL), ("lab", FAIL)]
)
def test_a_domain_is_a_number_whose_ports_are_free(text: str, state: State) -> None:
    assert middleware.domain({"ROS_DOMAIN_ID": text}).state is state


def test_a_missing_or_doubled_rclpy_fails_with_its_sentence() -> None:
    finding = middleware.rclpy_places("rclpy is found twice", "")
    assert (finding.state, finding.found) == (FAIL, "rclpy is found twice")
    assert middleware.rclpy_places("", "wheel 9.1.2").state is OK


def test_ros_time_that_is_not_wall_time_is_told() -> None:
    assert middleware.ros_time(10**18, 10**18 + 1000).state is OK
    assert middleware.ros_time(5 * 10**9, 10**18).state is WARN


def test_a_check_that_breaks_is_a_finding() -> None:
    def broken() -> Finding:
        raise PermissionError(13, "Permission denied", "/proc/secret")

    finding = tried("secrets", broken)
    assert (finding.name, finding.state) == ("secrets", WARN)
    assert "PermissionError" in finding.found


def test_every_check_answers_on_this_machine() -> None:
    findings = examine()
    assert len({finding.name for finding in findings}) == len(findings) >= 15
    broken = [finding for finding in findings if "could not be looked at" in finding.found]
    assert [finding.name for finding in broken if finding.name not in ("ros time", "swap", "clock")] == []


def test_the_verb_prints_every_finding_and_its_code_says_whether_one_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "OFF")
    assert main(["doctor", "--json", str(tmp_path / "doctor.json")]) == 1
    rows = json.loads((tmp_path / "doctor.json").read_text())["checks"]
    said = capsys.readouterr().out
    assert all(row["found"] in said and row["state"] in ("OK", "WARN", "FAIL") for row in rows)
    [discovery] = [row for row in rows if row["name"] == "discovery"]
    assert discovery["state"] == "FAIL"
    assert discovery["advice"]
