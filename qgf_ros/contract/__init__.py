"""The contract between a policy and a robot: schema, reading, and assembling observations under it."""
