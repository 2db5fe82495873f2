"""The agent's loop, its workers, retries and repeats."""
