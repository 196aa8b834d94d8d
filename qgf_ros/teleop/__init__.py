"""A person's hand on keys, gamepad or space mouse, as actions of the contract. No clock, no ROS: times and messages' values come in."""
