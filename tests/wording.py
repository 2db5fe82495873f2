"""Reject renamed identifiers and phrases that read as translated; the lists are in wording.toml.

python -m tests.wording    # part of `make lint`
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]

Found = tuple[int, str]
"""Line of a text, and what is wrong there."""

_ARGUMENT = re.compile(r"^\s+\w+: (?P<text>\S.*)$")
"""Entry of an `Args:` or `Attributes:` section."""


@dataclass(frozen=True, kw_only=True)
class Wording:
    """Names and phrases to reject."""

    phrases: Mapping[str, str]
    """Phrase in lower case to what is written instead."""
    names: Mapping[str, str]
    """Renamed identifier to its name now."""
    first_words: Sequence[str]
    """Words that no docstring and no text of an argument begins with."""

    def in_text(self, text: str) -> Iterator[Found]:
        """Yield the phrases of a text."""
        for number, line in enumerate(text.splitlines(), start=1):
            for phrase, better in self.phrases.items():
                if re.search(rf"\b{phrase}\b", line, re.IGNORECASE):
                    yield number, f"{phrase!r}: write {better}"

    def in_code(self, source: str) -> Iterator[Found]:
        """Yield the identifiers and the beginnings of docstrings in a module."""
        for node in ast.walk(ast.parse(source)):
            for name in _identifiers(node):
                if name in self.names:
                    yield getattr(node, "lineno", 1), f"{name} is {self.names[name]} now"
            match node:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    yield from self._in_docstring(text, node.lineno)

    def _in_docstring(self, text: str, line: int) -> Iterator[Found]:
        arguments = map(_ARGUMENT.match, text.splitlines())
        texts = [text.lstrip(), *(found["text"] if found else "" for found in arguments)]
        for offset, each in enumerate(texts):
            first = re.match(r"\w*", each)
            if first and first[0] in self.first_words:
                yield line + max(0, offset - 1), f"a docstring begins with {first[0]}"


def wording() -> tuple[Wording, list[Path]]:
    """Return what to reject, and the files to check."""
    content = tomllib.loads((ROOT / "tests" / "wording.toml").read_text(encoding="utf-8"))
    files = {path for pattern in content.pop("files") for path in ROOT.glob(pattern)}
    files -= {ROOT / name for name in content.pop("except")}
    return Wording(**content), sorted(files)


def _identifiers(node: ast.AST) -> Sequence[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
            return [name]
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.keyword(arg=str(name)):
            return [name]
        case ast.alias(name=name):
            return name.split(".")
    return []


def main() -> int:
    """Print every violation with its place.

    Returns:
        Exit code: 1 if there is one.
    """
    rules, files = wording()
    count = 0
    for path in files:
        text = path.read_text(encoding="utf-8")
        found = [*rules.in_text(text), *(rules.in_code(text) if path.suffix == ".py" else ())]
        for line, problem in sorted(found):
            print(f"{path.relative_to(ROOT)}:{line}: {problem}")
        count += len(found)
    return int(count > 0)


if __name__ == "__main__":
    sys.exit(main())
