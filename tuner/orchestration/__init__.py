"""Whole operations, from settings to results; the command line and the Python API call them."""
