"""docs/architecture.md: its table of packages is the one that import-linter checks."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_table_of_packages_is_the_layers_contract_from_below():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.partition("<!-- layers -->\n")[2].partition("\n\n")[0].splitlines()[2:]
    packages = [set(re.findall(r"`(\w+)`", row.split("|")[1])) for row in table]

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = (each["layers"] for each in contracts if each["type"] == "layers")
    assert packages == [set(layer.split(" | ")) for layer in reversed(layers)]
