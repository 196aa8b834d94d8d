"""Run episodes of the cube task in process, unguided and guided on the same seeds: what the ROS graph does, without ROS.

Run: python examples/03_run_an_episode.py [CHECKPOINT [EPISODES]]
"""

import sys

import numpy as np

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.contract.load import load_contract
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.evaluate.rollouts import make_policy, run_episode, standard_rows
from qgf_ros.share import share_path


def main(folder: str, episodes: int) -> None:
    """Runs each seed once a row and prints how it went."""
    contract = load_contract(share_path("config/contracts/ur5e_cube.yaml"))
    checkpoint = load_checkpoint(folder, contract.interface)  # refuses one of another interface
    loop, policy = ClosedLoop(contract, "cube-single-task2"), make_policy(checkpoint)
    rows = [row for row in standard_rows(checkpoint) if row.name in ("unguided", "guided")]
    print("seed  row        outcome      steps    return   ms a chunk")
    for seed in range(episodes):
        for row in rows:
            episode = run_episode(loop, policy, row, seed)
            outcome = "success" if episode.success else "time is up"
            figures = f"{episode.steps:5} {episode.total_reward:9.1f} {np.median(episode.latencies_ms):12.1f}"
            print(f"{seed:4}  {row.name:10} {outcome:12} {figures}")


if __name__ == "__main__":
    main(
        sys.argv[1] if len(sys.argv) > 1 else str(share_path("checkpoints/ur5e_cube")),
        int(sys.argv[2]) if len(sys.argv) > 2 else 2,
    )
