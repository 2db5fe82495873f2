"""An import contract of import-linter: no private module, name or attribute of a library."""

import ast
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

DOCUMENTED = frozenset({"_replace", "_asdict", "_fields", "_exit"})
"""Attributes of the standard library that its documentation names: named tuples, `os._exit`."""


class NoPrivateImports(Contract):
    """Forbids imports such as `optuna.storages._rdb`, which no release promises to keep.

    import-linter itself knows external packages by their first name alone, so files are read.
    """

    type_name = "no_private_imports"

    package = fields.StringField()
    exempt = fields.SetField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look at every file of the package."""
        package, exempt = str(self.package), set(self.exempt or ())  # type: ignore[call-overload]
        texts = {p: p.read_text(encoding="utf-8") for p in sorted(Path(package).rglob("*.py"))}
        own = {name for text in texts.values() for name in private_definitions(text)}
        found = [
            f"{path}:{line} uses {name}"
            for path, text in texts.items()
            for line, name in (*private_imports(text, package), *private_attributes(text, own))
            if f"{path}: {name}" not in exempt
        ]
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: Any) -> None:
        """Print the imports."""
        for line in check.metadata["found"]:
            output.print_error(line)


def private_imports(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Yield line and full name of each private module or name of other packages.

    Args:
        source: Text of a module.
        package: Package of which everything may be imported.
    """
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            is_private = any(part.startswith("_") and part != "__future__" for part in parts)
            if is_private and parts[0] != package:
                yield node.lineno, name


def private_definitions(source: str) -> Iterator[str]:
    """Yield the private names that a module defines: functions, classes, variables, attributes."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def private_attributes(source: str, own: Collection[str]) -> Iterator[tuple[int, str]]:
    """Yield line and name of each private attribute that the package does not define.

    Args:
        source: Text of a module.
        own: Names that the package defines.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            name = node.attr
            is_private = name.startswith("_") and not name.endswith("__")
            if is_private and name not in own and name not in DOCUMENTED:
                yield node.lineno, name
