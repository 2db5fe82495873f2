"""An import contract of import-linter: no private module or name of a library is imported."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


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
        found = [
            f"{path}:{line} imports {name}"
            for path in sorted(Path(package).rglob("*.py"))
            for line, name in private_imports(path.read_text(encoding="utf-8"), package)
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
