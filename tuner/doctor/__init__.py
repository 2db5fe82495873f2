"""Looks at the machine, and at what a configuration names; `core.health` says what it means."""
