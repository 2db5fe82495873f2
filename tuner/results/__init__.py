"""What a sweep shows and leaves: terminal, summary, page, best.yaml, exports."""
