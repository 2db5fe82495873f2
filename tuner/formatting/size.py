"""Numbers of bytes as people read them."""


def size(count: float) -> str:
    """Bytes as people read them."""
    gigabytes = count / 1e9
    return f"{gigabytes:.0f} GB" if gigabytes >= 10 else f"{gigabytes:.1f} GB"  # noqa: PLR2004
