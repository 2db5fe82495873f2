"""Report page of a study: its data, and their drawing on one page."""
