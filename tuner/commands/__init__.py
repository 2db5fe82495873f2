"""Modules of the commands; each has `run(arguments) -> exit code`."""
