"""Files of rows, as users have them."""

import csv


def write(path, rows, header=("text", "label")):
    """Writes rows as a CSV; returns its path."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return str(path)
