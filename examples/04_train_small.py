"""From nothing to a checkpoint in a minute: collect a little, train a little, save, load. It learns little; see config/train.

Run: python examples/04_train_small.py [FOLDER]
"""

import sys
from pathlib import Path

import torch

from qgf_ros.checkpoint import load_checkpoint, save_checkpoint
from qgf_ros.contract.load import load_contract
from qgf_ros.data.dataset import from_slices, read_slices, split
from qgf_ros.data.normalizer import fit_normalizer
from qgf_ros.data.relabel import Near, Relabel
from qgf_ros.evaluate.collect import CollectConfig, collect
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.share import share_path
from qgf_ros.train.config import NetworkSizes, TrainConfig
from qgf_ros.train.loop import make_trainer


def main(folder: Path) -> None:
    """Fills `folder` with data and a checkpoint."""
    path = share_path("config/contracts/ur5e_cube.yaml")
    interface = load_contract(path).interface
    little = CollectConfig("cube-single-play", slices=1, episodes_per_slice=2, steps=100)
    collected = list(collect(path, little, folder / "data", processes=1))  # only what is missing
    print(f"collected {len(collected)} slice(s)")
    goal = Relabel((Near("cube_position", radius=0.04, point=(0.5, 0.0, 0.02)),))
    config = TrainConfig(goal, steps=50, log_every=10, networks=NetworkSizes((64, 64)))
    slices = split(read_slices(folder / "data", interface), held_out=0.5)
    training, held_out = (from_slices(part, interface, config.relabel) for part in slices)
    normalizer = fit_normalizer(part.observations for part in slices[0])
    trainer = make_trainer(config, interface, training, held_out, normalizer, torch.device("cpu"))
    for metrics in trainer.run():
        print({name: round(value, 3) for name, value in metrics.items() if name.endswith("loss")})
    print(f"flow loss on the held-out episode: {trainer.held_out_flow_loss():.3f}")
    made = trainer.checkpoint(SamplerDefaults(), {"steps": trainer.state.step})
    save_checkpoint(folder / "checkpoint", made)
    print("saved and loaded:", load_checkpoint(folder / "checkpoint", interface).provenance)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out/example"))
