"""Slurm, through submitit: agents as jobs, each on a node of its own.

Agents share nothing but the study's storage, and a job is one agent with workers of its node; so
the process that submitted them may end, and any later one follows them again.
"""
