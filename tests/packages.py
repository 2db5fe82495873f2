"""Installed packages made for a test: a module and its metadata in a folder of the search path."""

import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path


def install_package(
    folder: Path, name: str, entry_points: Mapping[str, Mapping[str, str]], code: str = ""
) -> None:
    """Install a package of one module, as an installer leaves it.

    Args:
        folder: Folder of installed packages.
        name: Name of the distribution; its module has `_` for `-`.
        entry_points: Group to name and class.
        code: Content of the module.
    """
    information = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    sections = (
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in found.items())
        for group, found in entry_points.items()
    )
    (information / "entry_points.txt").write_text("\n".join(sections))
    (folder / f"{name.replace('-', '_')}.py").write_text(code)


def unpacked_wheel(source: Path, folder: Path) -> Path:
    """Build a project's wheel; return the folder that holds it unpacked, and nothing else.

    Args:
        source: Folder of the project.
        folder: Folder for wheel and content.
    """
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (wheel,) = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"
