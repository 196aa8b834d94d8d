"""Checks of what the policy computes on: GPU, driver, engine."""

from __future__ import annotations

from qgf_ros.doctor.finding import Finding, ok, warn

FAST_LEVELS = ("avx512", "avx2")


def gpu(smi: str | None, torch_sees_cuda: bool | None) -> Finding:
    """The graphics processor. `smi`: one line from nvidia-smi, None where there is none; the other None where torch is absent."""
    if smi is None:
        return ok("gpu", "no NVIDIA GPU: the policy is computed on the CPU")
    if torch_sees_cuda is False:
        advice = "install a CUDA build of PyTorch (`make setup` takes one where nvidia-smi works), or a newer driver"
        return warn("gpu", f"{smi}, but PyTorch cannot use it", advice)
    return ok("gpu", smi)


def engine(level: str, problem: str, has_cuda: bool) -> Finding:
    """What the policy node's engine `auto` will be. `level`: instructions that the CPU library uses; `problem`: why it cannot."""
    if has_cuda:
        return ok("engine", "cuda_graph")
    if problem:
        found = f"torch on the CPU, slower than engine cpu: {problem}"
        return warn("engine", found, "build the library of engine cpu: it needs a C++ compiler once")
    if level in FAST_LEVELS:
        return ok("engine", f"cpu ({level})")
    advice = "take fewer denoising steps or candidates where the deadline is missed"
    return warn("engine", f"cpu ({level}): this processor has no AVX2", advice)


def onnx(version: str | None, providers: tuple[str, ...]) -> Finding:
    """Whether exported policies can run."""
    if version is None:
        return ok("onnxruntime", "not installed: only needed for engine onnx (pip install 'qgf_ros[onnx]')")
    return ok("onnxruntime", f"{version} with {', '.join(providers)}")
