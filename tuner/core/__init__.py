"""Decisions on plain values: standard library only, nothing of ours imported, no clock."""
