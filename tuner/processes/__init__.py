"""Processes of ours: start, stop requests, crash reports."""
