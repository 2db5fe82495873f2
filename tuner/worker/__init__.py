"""The process bound to one slot: its messages and its life."""
