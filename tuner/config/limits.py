"""Limits on the size of a configuration, so that no few bytes take hours."""

from collections.abc import Iterable, Iterator

from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

from tuner.errors import InputError

LARGEST_FILE = 2**20
"""Largest size of a configuration file in bytes."""

MOST_VALUES = 100_000
"""Largest number of values in a file; an alias (`*name`) counts its values again."""

DEEPEST = 40
"""Deepest nesting of brackets or mappings."""

LONGEST_TEXT = 20_000
"""Largest number of characters of a value."""

MOST_REFERENCES = 20
"""Largest number of references (`${...}`) in a file or value, since they multiply."""

_OPEN, _CLOSE = "[{(", "]})"
_REFERENCE = "${"


def check_size(size: int, where: str) -> None:
    """Refuse a file that is too large for a configuration.

    Raises:
        InputError: It is larger than `LARGEST_FILE`.
    """
    if size > LARGEST_FILE:
        raise InputError(
            f"the file has {size:,} bytes, too many for a configuration",
            where=where,
            remedy="a configuration file; data goes into data.train",
        )


def check_nodes(node: Node | None, where: str) -> None:
    """Refuse YAML that is nested too deeply, endless, or too large with its aliases expanded.

    Args:
        node: Result of `yaml.compose`.
        where: File of the node.

    Raises:
        InputError: The YAML exceeds a limit.
    """
    if node is None:
        return
    if _count(node, where, {}, 0) > MOST_VALUES:
        raise InputError(
            f"the file expands to more than {MOST_VALUES:,} values",
            where=where,
            remedy="fewer aliases (*name), each of which repeats its values",
        )
    texts = [(scalar.value, scalar.start_mark.line + 1) for scalar in _scalars(node)]
    for text, line in texts:
        check_text(text, f"{where}, line {line}")
    _check_references((text for text, _ in texts), where)


def _count(node: Node, where: str, counts: dict[int, int], depth: int) -> int:
    """Return the number of values below a node; each node is visited once."""
    if depth > DEEPEST:
        raise nested_too_deeply(where)
    if id(node) not in counts:
        below = (_count(child, where, counts, depth + 1) for child in _children(node))
        counts[id(node)] = 1 + sum(below)
    return counts[id(node)]


def _scalars(node: Node) -> Iterator[ScalarNode]:
    if isinstance(node, ScalarNode):
        yield node
    for child in _children(node):
        yield from _scalars(child)


def _children(node: Node) -> Iterator[Node]:
    for item in node.value if isinstance(node, CollectionNode) else ():
        yield from item if isinstance(node, MappingNode) else (item,)


def check_text(text: str, where: str) -> None:
    """Refuse a value that is too long or has brackets nested too deeply.

    Raises:
        InputError: The value exceeds a limit.
    """
    if len(text) > LONGEST_TEXT:
        raise InputError(
            f"a value has {len(text):,} characters, but at most {LONGEST_TEXT:,} are allowed",
            where=where,
            remedy="a shorter value",
        )
    _check_references((text,), where)
    depth = deepest = 0
    for character in text:
        depth += (character in _OPEN) - (character in _CLOSE)
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        raise nested_too_deeply(where)


def _check_references(texts: Iterable[str], where: str) -> None:
    if sum(text.count(_REFERENCE) for text in texts) > MOST_REFERENCES:
        raise InputError(
            f"there are more than {MOST_REFERENCES} references ({_REFERENCE}...)",
            where=where,
            remedy="the values themselves, or ${oc.env:...} for values of this machine",
        )


def nested_too_deeply(where: str) -> InputError:
    """Return the error for nesting beyond the limit."""
    return InputError(
        "the values are nested too deeply", where=where, remedy=f"at most {DEEPEST} levels"
    )
