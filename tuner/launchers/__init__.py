"""Launchers: they run workers on this machine, in this process, on Ray or on Slurm."""
