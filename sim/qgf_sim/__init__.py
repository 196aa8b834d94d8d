"""A MuJoCo stand-in for a robot under ros2_control: joint position commands in, joint states and object poses out.

It imports nothing of qgf_ros and knows nothing of policies. `load(task)` gives a simulation; `available()` lists them.
"""

from qgf_sim.registry import available as available
from qgf_sim.registry import load as load
from qgf_sim.simulation import JointState as JointState
from qgf_sim.simulation import Pose as Pose
from qgf_sim.simulation import Simulation as Simulation
