"""How much a configuration may be, so that no file or override of a few bytes takes hours."""

from collections.abc import Iterable, Iterator

from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

from tuner.errors import InputError

LARGEST_FILE = 2**20
"""Bytes of a configuration file."""

MOST_VALUES = 100_000
"""Values of a file, each counted as often as an alias (`*name`) repeats it."""

DEEPEST = 40
"""Brackets or mappings inside one another."""

LONGEST_TEXT = 20_000
"""Characters of one value."""

MOST_REFERENCES = 20
"""References (`${...}`) of a file or value: each may stand for several others, and so on."""

_OPEN, _CLOSE = "[{(", "]})"
_REFERENCE = "${"


def check_size(size: int, where: str) -> None:
    """Refuses a configuration file that is none by its size.

    Raises:
        InputError: It is larger than `LARGEST_FILE`.
    """
    if size > LARGEST_FILE:
        raise InputError(
            f"the file has {size:,} bytes, which no configuration needs",
            where=where,
            remedy="a configuration file; data goes into data.train",
        )


def check_nodes(node: Node | None, where: str) -> None:
    """Refuses YAML that is nested too deeply, endless, or more than it looks by its aliases.

    Args:
        node: As `yaml.compose` gives it.
        where: The file.

    Raises:
        InputError: As said.
    """
    if node is None:
        return
    if _count(node, where, {}, 0) > MOST_VALUES:
        raise InputError(
            f"the file stands for more than {MOST_VALUES:,} values",
            where=where,
            remedy="fewer aliases (*name), which repeat all that they stand for",
        )
    texts = [(scalar.value, scalar.start_mark.line + 1) for scalar in _scalars(node)]
    for text, line in texts:
        check_text(text, f"{where}, line {line}")
    _check_references((text for text, _ in texts), where)


def _count(node: Node, where: str, counts: dict[int, int], depth: int) -> int:
    """Values below a node; one that is met again is not walked again."""
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
    """Refuses one value that is too long or whose brackets are nested too deeply.

    Raises:
        InputError: As said.
    """
    if len(text) > LONGEST_TEXT:
        raise InputError(
            f"a value has {len(text):,} characters, and at most {LONGEST_TEXT:,} are read",
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
            remedy="the values themselves, or ${oc.env:...} for what the machine decides",
        )


def nested_too_deeply(where: str) -> InputError:
    """What people are told of brackets in brackets in brackets."""
    return InputError(
        "the values are nested too deeply", where=where, remedy=f"at most {DEEPEST} levels"
    )
