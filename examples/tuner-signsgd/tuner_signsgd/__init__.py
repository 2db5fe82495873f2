"""Plug-ins for tuner: an optimizer, a schedule and a launcher."""
