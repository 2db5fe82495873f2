"""Commands that install packages into the Python environment that a user runs us in."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

UV_INSTALLER = "curl -LsSf https://astral.sh/uv/install.sh | sh"
"""Installs uv without pip, as its documentation says."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Facts about a Python environment that decide how packages are installed into it."""

    python: str
    """The interpreter as a shell finds it: `python` where that is it, or else its path."""

    has_pip: bool = False
    """True if pip can be imported."""

    uv: str | None = None
    """Command that runs uv, quoted for a shell; None: there is none."""

    is_active: bool = False
    """True if uv uses this environment by itself, because it is activated."""

    conda: str | None = None
    """Command that runs conda, if conda made the environment."""

    prefix: str = ""
    """Folder of the environment."""

    has_ensurepip: bool = False
    """True if Python can install pip by itself."""

    is_externally_managed: bool = False
    """True if pip and uv refuse to change it (PEP 668)."""


def install_command(
    requirements: Sequence[str], environment: Environment, options: Sequence[str] = ()
) -> str:
    """Return the command that installs packages.

    Args:
        requirements: Packages such as `torch>=2.6`, or `-e` and the path of a checkout.
        environment: Environment to install into.
        options: Options of `install` that pip and uv both have, such as `--upgrade`.
    """
    return _command("install", (*options, *requirements), environment)


def uninstall_command(name: str, environment: Environment) -> str:
    """Return the command that removes a distribution.

    Args:
        name: Name of the distribution.
        environment: Environment to remove it from.
    """
    return _command("uninstall", (name,), environment)


def replace_command(old: str, new: str, environment: Environment) -> str:
    """Return the command that removes a distribution and installs another one's files again.

    Args:
        old: Name of the one to remove.
        new: Requirement whose files `old` had overwritten.
        environment: Environment of the command.
    """
    removal = uninstall_command(old, environment)
    again = _command("install", ("--force-reinstall", "--no-deps", new), environment, first=False)
    return f"{removal} && {again}"


def check_command(environment: Environment) -> str:
    """Return the command that lists the requirements that are not met."""
    return _command("check", (), environment)


def conversion_command(requirements: Sequence[str], code: str, environment: Environment) -> str:
    """Return the command that runs code with packages that do not go into this environment.

    Args:
        requirements: Packages to run it with.
        code: Python code.
        environment: Environment in which the command is given.
    """
    words, text = shlex.join(requirements), shlex.quote(code)
    if environment.uv:
        packages = " ".join(f"--with {shlex.quote(each)}" for each in requirements)
        return f"{environment.uv} run --no-project {packages} python -c {text}"
    python = shlex.quote(environment.python)
    return (
        f"{python} -m venv converter && converter/bin/python -m pip install {words} && "
        f"converter/bin/python -c {text}"
    )


def _command(
    verb: str, words: Sequence[str], environment: Environment, *, first: bool = True
) -> str:
    """Return one command of pip or uv; pip first, which serves its own environment alone.

    Args:
        verb: Subcommand that both have.
        words: Quoted here.
        environment: Environment of the command.
        first: False: an earlier command brings pip already.
    """
    python = shlex.quote(environment.python)
    managed = environment.is_externally_managed and verb != "check"
    options = ["--break-system-packages"] if managed else []
    text = shlex.join([verb, *options, *words])
    if environment.has_pip or not (environment.uv or first):
        return f"{python} -m pip {text}"
    if environment.uv:
        target = "" if environment.is_active else f" --python {python}"
        return f"{environment.uv} pip {verb}{target}{text.removeprefix(verb)}"
    if environment.conda:
        prefix = shlex.quote(environment.prefix)
        bring = f"{shlex.quote(environment.conda)} install --yes --prefix {prefix} pip"
    elif environment.has_ensurepip and not environment.is_externally_managed:
        bring = f"{python} -m ensurepip"
    else:
        return (
            f"{UV_INSTALLER} && ~/.local/bin/uv pip {verb} --python {python}"
            f"{text.removeprefix(verb)}"
        )
    return f"{bring} && {python} -m pip {text}"
