"""Results of a sweep: terminal, summary, report page, best.yaml, exports."""
