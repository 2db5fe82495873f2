"""Whole operations, from settings to results, called by the command line and the Python API."""
