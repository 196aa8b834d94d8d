"""Episodes in process: collecting demonstrations, trying policies, comparing them with intervals."""
