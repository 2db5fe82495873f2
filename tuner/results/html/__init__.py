"""What a study shows: read as plain values, drawn as one page."""
