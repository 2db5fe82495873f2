"""Checks of the machine, and of the models and data that a configuration names."""
