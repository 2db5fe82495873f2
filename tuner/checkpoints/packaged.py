"""Files that an installed package carries, found without running any of its code."""

import importlib.util
from pathlib import Path

from tuner.checkpoints.content import file_hash
from tuner.errors import InputError
from tuner.installation.remedies import install_module
from tuner.settings.settings import PackagedFiles

_AGAIN = ("--force-reinstall", "--no-deps")


def find_packaged(package: PackagedFiles, hashed_file: str = "") -> Path | None:
    """Folder or file inside an installed package, its hash verified.

    Args:
        package: Package to look for.
        hashed_file: File inside the folder that `package.sha256` belongs to; empty when
            `package.path` is the file itself.

    Returns:
        The path, or None when the package is not installed.

    Raises:
        InputError: The package is there, but the file is not, or has another content.
    """
    root = _root(package.name)
    if root is None:
        return None
    path = root / package.path
    checked = path / hashed_file if hashed_file else path
    if not checked.exists():
        raise InputError(
            f"the installed package {package.name} has no file {package.path}",
            where=str(root),
            remedy=install_module(package.name, _AGAIN),
        )
    if package.sha256 is not None and file_hash(checked) != package.sha256.lower():
        raise InputError(
            f"{checked.name} of package {package.name} is not the file it should be: "
            f"its sha256 is {file_hash(checked)}, not {package.sha256}",
            where=str(checked),
            remedy=install_module(package.name, _AGAIN),
        )
    return path


def _root(name: str) -> Path | None:
    """The package's folder. Of a dotted name only the first part is looked up as a module."""
    top, *inner = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))).joinpath(*inner)
