"""What a machine needs for a sweep: what was found in, lines with their mend out."""
