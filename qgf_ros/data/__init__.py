"""Data sets: one reader per format, windows of consecutive transitions, normalisation."""
