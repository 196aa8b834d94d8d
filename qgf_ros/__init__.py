"""Q-Guided Flow policies for ROS 2: a flow-matching policy whose denoising is guided by a critic.

Conventions, used everywhere in this package and not repeated below:

* **Flow time** `t` runs from 0 (noise) to 1 (action). A denoising step goes from a smaller to a larger time.
* **Action chunk**: `H` (horizon) consecutive actions of `A` (action_dim) components. Its vector is
  *time-major*: component `h * A + j` is component `j` of step `h`. `D` is the length of that vector: `H * A`,
  or `A` without chunking.
* **Actions are normalised** to the box [-1, 1] before they meet a network; so are observations, by the data
  set's normaliser.
* Shapes in docstrings: `B` batch, `O` observation_dim, `A` action_dim, `H` horizon, `D` action vector, `E`
  ensemble members.
* **Randomness, clocks and devices are passed in**: no function here draws a number, reads a clock or an
  environment variable that its caller did not hand over.

Importing this package imports nothing heavy: take `qgf_ros.networks`, `qgf_ros.flow.denoise`, ... where they
are needed.
"""

__version__ = "0.1.0"
