"""Files of conf/ that are generated from classes, for example those of optimizers.

Defaults, bounds and descriptions are at the fields of the class. The files show them to users, who
choose and copy them; a test fails if one is out of date:

    python -m tuner.config.option_files
"""

import sys
from pathlib import Path

from tuner.config.files import bundled_folder
from tuner.fields.component import Component
from tuner.fields.declared import declared, description, descriptions
from tuner.settings.registries import REGISTRIES
from tuner.settings.settings import MISSING

COMMAND = "python -m tuner.config.option_files"


def option_files() -> dict[Path, str]:
    """Return path in conf/ to content, for all options that are classes."""
    return {
        Path(group) / f"{kind.name}.yaml": content(kind)
        for group, registry in REGISTRIES.items()
        for kind in registry.bundled()
    }


def content(kind: type[Component]) -> str:
    """Return the file of an option: its description, then a line for each key."""
    texts = descriptions(kind)
    lines = [f"# {description(kind)}"]
    if kind.usual is not None:
        lines.append(f"# {kind.usual}")
    lines.append(f"name: {kind.name}")
    for item in declared(kind):
        default = MISSING if item.is_mandatory else yaml_value(item.default)
        text = texts[item.name].rstrip(".")
        text = text if text[:2].isupper() else f"{text[:1].lower()}{text[1:]}"
        lines.append(f"{item.name}: {default}  # {text}")
    return "\n".join(lines) + "\n"


def yaml_value(value: object) -> str:
    """Return a value in short YAML: `true`, `null`, `1e-6`."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return repr(value).replace("e-0", "e-") if isinstance(value, float) else str(value)


def write(folder: Path) -> None:
    """Write all files.

    Args:
        folder: Folder conf/.
    """
    for path, text in option_files().items():
        (folder / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(bundled_folder("conf"))
    sys.stdout.write(f"{len(option_files())} files\n")
