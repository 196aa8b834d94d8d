"""Watch a chunk being denoised: at each step, where the flow would end, and what the critic thinks of that.

Run: python examples/01_denoise_a_chunk.py [CHECKPOINT]
The observation is the data's mean; take one from the simulator as example 03 does.
"""

import sys

import torch

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.flow.denoise import condition_q, condition_velocity, denoise
from qgf_ros.flow.guidance import Guide
from qgf_ros.flow.sampler import uniform_times
from qgf_ros.share import share_path


def main(folder: str) -> None:
    """Denoises one chunk from the same noise, unguided and guided, and prints every step."""
    checkpoint = load_checkpoint(folder)
    networks, defaults = checkpoint.networks, checkpoint.defaults
    observation = torch.zeros(1, checkpoint.interface.observation_dim)  # normalised: 0 is the mean
    noise = torch.randn(1, networks.config.vector_dim, generator=torch.Generator().manual_seed(0))
    velocity_of = condition_velocity(networks.policy, observation)
    q = condition_q(networks.target_critic, observation)
    for guide in (None, Guide(q, defaults.guidance_weight, defaults.estimator)):
        print("\nunguided" if guide is None else f"\nguided, weight {defaults.guidance_weight:g}")
        print("   t     |velocity|   |guidance|   Q(clean estimate)")
        for step in denoise(velocity_of, noise, uniform_times(defaults.denoise_steps), guide):
            bent = step.weight * float(step.guided.guidance.norm()) if step.guided else 0.0
            speed, score = float(step.velocity.norm()), float(q(step.clean_estimate()))
            print(f"{step.time:5.2f} {speed:12.3f} {bent:12.3f} {score:19.3f}")
        first = step.next_action.clamp(-1.0, 1.0).view(checkpoint.interface.chunk_length, -1)[0]
        named = zip(checkpoint.interface.action.names, first.tolist(), strict=True)
        print("first action:", "  ".join(f"{name} {value:+.2f}" for name, value in named))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(share_path("checkpoints/ur5e_cube")))
