"""A process that trains with one side, a step whenever the parent says so; speaks as worker.py does."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from worker import Worker, bind, serve

BATCH, HIDDEN, OBSERVED, ACTION, HORIZON = 256, (256, 256, 256), 40, 5, 5
Step = Callable[[], None]


def main() -> None:
    """Serves requests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", choices=("ours", "jax"), required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    arguments = parser.parse_args()
    bind(arguments.threads)
    serve(TrainingWorker(arguments.side, arguments.threads, arguments.device))


class TrainingWorker(Worker):
    """One side's training state."""

    def open(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Makes networks and a batch, and takes the first steps."""
        import torch

        torch.set_num_threads(self.threads)
        try:
            step, description = open_ours(self.device) if self.name == "ours" else open_jax(self.device)
        except ImportError as error:
            return {"missing": f"{error}; JAX comes with the extra `bench`"}
        for _ in range(5):
            step()
        self.ask = step
        return {"description": description}


def draw() -> dict[str, np.ndarray]:
    """A batch of random windows, noise and times; float32."""
    rng = np.random.default_rng(0)
    return {
        "observations": rng.standard_normal((BATCH, OBSERVED), dtype=np.float32),
        "actions": np.tanh(rng.standard_normal((BATCH, HORIZON, ACTION), dtype=np.float32)),
        "next_observations": rng.standard_normal((BATCH, OBSERVED), dtype=np.float32),
        "rewards": -np.ones(BATCH, np.float32),
        "masks": np.ones(BATCH, np.float32),
        "valid": (rng.random(BATCH) < 0.95).astype(np.float32),
        "noise": rng.standard_normal((BATCH, HORIZON * ACTION), dtype=np.float32),
        "time": (rng.integers(0, 11, BATCH) / 10).astype(np.float32),
    }


def networks() -> Any:
    """The networks that both sides start from."""
    import torch

    from qgf_ros.networks import NetworkConfig, Networks

    return Networks.create(NetworkConfig(OBSERVED, ACTION, HORIZON, HIDDEN), torch.Generator().manual_seed(0))


def open_ours(device: str) -> tuple[Step, str]:
    """`qgf_ros.train.update` on a batch that is on the device already."""
    import torch

    from qgf_ros.datatypes import Batch
    from qgf_ros.train.memory import keep_freed_memory
    from qgf_ros.train.update import TrainState, UpdateConfig, update

    keep_freed_memory()  # as `qgf train` does
    state = TrainState.create(networks().to(device), UpdateConfig())
    tensors = {name: torch.from_numpy(array).to(device) for name, array in draw().items()}
    noise, time = tensors.pop("noise"), tensors.pop("time")
    batch = Batch(**tensors)

    def step() -> None:
        metrics = update(state, batch, noise, time)
        if device == "cuda":
            metrics.as_floats()

    return step, f"torch {torch.__version__} ({device})"


def open_jax(device: str) -> tuple[Step, str]:
    """The same step under `jit`."""
    import jax
    from jax_training import JaxUpdate, initial_state, make_step

    arrays = draw()
    arrays["actions"] = arrays["actions"].reshape(BATCH, -1)
    batch = {name: jax.device_put(array) for name, array in arrays.items()}
    noise, time = batch.pop("noise"), batch.pop("time")
    take = make_step(JaxUpdate(0.99, 0.9, 0.005, 3e-4, HORIZON))
    state = initial_state({name: value.detach().numpy() for name, value in networks().state_dict().items()})

    def step() -> None:
        nonlocal state
        state, metrics = take(state, batch, noise, time)
        jax.block_until_ready((state, metrics))

    return step, f"jax {jax.__version__} ({jax.devices()[0].platform})"


if __name__ == "__main__":
    main()
