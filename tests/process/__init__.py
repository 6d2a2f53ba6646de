"""Forks, spawned processes, threads, Ctrl-C, killed children, memory over time."""
