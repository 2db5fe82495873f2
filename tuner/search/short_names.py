"""Short names of configuration keys, shown beside values."""

from collections.abc import Sequence


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Return each key's last part, preceded by as many parts as distinguish it from other keys.

    Args:
        keys: Keys of one search space, with dots between their parts.

    Returns:
        Key to name: `learning_rate` for `optimizer.learning_rate`, unless another key ends in
        `learning_rate`, too.
    """
    return {key: _shortest(key, [other for other in keys if other != key]) for key in keys}


def _shortest(key: str, others: Sequence[str]) -> str:
    parts = key.split(".")
    for count in range(1, len(parts)):
        name = ".".join(parts[-count:])
        if not any(other == name or other.endswith(f".{name}") for other in others):
            return name
    return key
