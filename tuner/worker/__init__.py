"""The process bound to one slot: what it is told, what it answers, how it lives."""
