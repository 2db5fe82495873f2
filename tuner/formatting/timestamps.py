"""Local time before each line of a log."""

from datetime import datetime

from rich.text import Text


def local_time() -> datetime:
    """Return the present time with its zone."""
    return datetime.now().astimezone()


def stamped(text: str | Text, now: datetime) -> str | Text:
    """Return a text each of whose lines begins with a time, as ISO 8601 with its zone."""
    stamp = now.isoformat(timespec="seconds")
    if isinstance(text, Text):
        return Text.assemble(f"{stamp} ", text)
    return "\n".join(f"{stamp} {line}".rstrip() for line in text.splitlines())
