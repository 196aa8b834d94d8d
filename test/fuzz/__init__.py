"""Fuzzing of everything that reads what others wrote: seeded, structure-aware, watched. `make fuzz`, docs/isolating.md.

Not part of qgf_ros: it only calls the loaders. An input is a few files, made from valid ones by a loader, a seed and a number,
so that each can be made again: `python -m fuzz --only LOADER --first N --inputs 1`.
"""
