"""One reader a format: opens a data set as a `Source` of recordings, and knows nothing of contracts. `detect.py` finds the right one."""
