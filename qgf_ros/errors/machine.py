"""What this computer lacks: ROS, packages, a GPU, memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qgf_ros.errors.base import QgfError


class MissingRosError(QgfError):
    """rclpy cannot be imported."""

    def __init__(self, cause: str) -> None:
        super().__init__(
            f"rclpy cannot be imported ({cause}): source a ROS 2 installation, or install the wheels with pip install 'qgf_ros[ros]'."
        )


class DoubledRosError(QgfError):
    """rclpy comes from a pip wheel and from a ROS installation at once."""

    def __init__(self, wheel: Path, other: Path) -> None:
        super().__init__(
            f"rclpy is found twice, as a pip wheel in {wheel} and as part of a ROS installation in {other}; mixing them crashes: "
            "open a shell in which ROS is not sourced, or an environment without the wheels."
        )


class MissingGpuError(QgfError):
    """CUDA is asked for and there is none."""

    def __init__(self, torch_version: str, setting: str = "device", value: str = "cuda") -> None:
        super().__init__(
            f"Parameter {setting} is {value}, but PyTorch {torch_version} sees no NVIDIA GPU here: "
            f"set {setting} to cpu or auto, or install the driver and a CUDA build of PyTorch."
        )


class MissingMessagesError(QgfError):
    """A contract's output needs a message package that is not installed."""

    def __init__(self, topic: str, kind: str, package: str, others: str) -> None:
        super().__init__(
            f"The output '{topic}' is of kind {kind}, which needs the ROS package {package}, but it is not installed: "
            f"install it, or use one of the kinds {others}."
        )


class MissingKernelError(QgfError):
    """The compiled library of engine `cpu` is not there."""

    def __init__(self, folder: object, found: str) -> None:
        super().__init__(
            f"Engine cpu needs its compiled library in {folder}, but {found}: install a C++ compiler (g++) and install qgf_ros "
            "again (in a clone: python setup.py build_ext --inplace), or choose engine torch or onnx."
        )


class MissingExtraError(QgfError):
    """Something needs a package that is only installed with an extra."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the package {package}, which is not installed: pip install 'qgf_ros[{extra}]'."
        )


class MissingProviderError(QgfError):
    """This ONNX Runtime cannot compute on what is asked for."""

    def __init__(self, wanted: str, offered: Sequence[str]) -> None:
        super().__init__(
            f"Device {wanted} is asked for, but the installed ONNX Runtime only offers {', '.join(offered)}: install a build of "
            "it for that device, or set device to cpu or auto."
        )


class MissingTorchError(QgfError):
    """A checkpoint's folder is opened where PyTorch is not installed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"Checkpoint {folder} needs PyTorch, which is not installed here: install torch, or name a file that "
            "`qgf export` wrote where it is."
        )


class GpuMemoryError(QgfError):
    """The GPU has no memory left for the policy."""

    def __init__(self, told: str) -> None:
        first = " ".join(told.split()).split(". ")[0].rstrip(".")
        super().__init__(
            f"The GPU has no memory left for the policy ({first}): end what else uses it, raise gpu_memory_share, or sample "
            "fewer candidates."
        )


class WorkerDiedError(QgfError):
    """A process of parallel work ended without a word: a fault in native code, or the kernel took it."""

    def __init__(self, how: str) -> None:
        super().__init__(
            f"A worker process died ({how}) before it gave its result: where memory ran out (SIGKILL) fewer --processes would do, "
            "anything else is a bug in native code."
        )


class NoTerminalError(QgfError):
    """Keys are needed, and the standard input is no terminal."""

    def __init__(self, what_for: str) -> None:
        super().__init__(f"There is no terminal to {what_for}: the standard input is a file or a pipe.")
