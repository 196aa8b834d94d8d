"""What the guidance weight does to one chunk: the critic's opinion rises, the chunk leaves what was demonstrated.

Run: python examples/02_guidance_weight.py [CHECKPOINT]
"""

import sys

import numpy as np

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.datatypes import Observation
from qgf_ros.evaluate.rollouts import make_policy
from qgf_ros.flow.sampler import Estimator, SamplerConfig
from qgf_ros.share import share_path

WEIGHTS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


def main(folder: str) -> None:
    """Samples the same chunk under growing weights, for each estimator."""
    checkpoint = load_checkpoint(folder)
    policy = make_policy(checkpoint)
    observation = Observation(checkpoint.normalizer.mean, stamp_ns=0)  # the data's mean
    scale = np.array([dimension.scale for dimension in checkpoint.interface.action.dimensions])
    plain = policy.propose(observation, SamplerConfig().walk(), seed=0, index=0).chunk.actions
    print("estimator           weight   Q first   Q final   moved by (share of an action's range, rms)")
    for estimator in Estimator:
        for weight in WEIGHTS:
            sampler = SamplerConfig(weight=weight, estimator=estimator)
            proposal = policy.propose(observation, sampler.walk(), seed=0, index=0)
            moved = np.sqrt(np.mean(np.square((proposal.chunk.actions - plain) / scale)))
            scores = f"{proposal.report.q_first:9.2f} {proposal.report.q_final:9.2f}"
            print(f"{estimator.value:18} {weight:7.2f} {scores} {moved:12.3f}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(share_path("checkpoints/ur5e_cube")))
