"""Runs: an experiment as a value, its folder, the road from a file to a verdict, and what follows day after day."""
