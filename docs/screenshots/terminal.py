"""A command in a terminal of its own, and its screen as an SVG."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

HEIGHT = 40
_SESSION = f"screenshots-{os.getpid()}"
_ENDED = "Pane is dead"


@contextmanager
def terminal(command: Sequence[str], folder: Path, width: int) -> Iterator[None]:
    """Run a command in a terminal with colours; `screen` shows it until the block ends.

    Args:
        command: Program and arguments.
        folder: Working folder of the command.
        width: Columns.
    """
    size = ["-x", str(width), "-y", str(HEIGHT)]
    variables = {"COLORTERM": "truecolor", "TERM": "tmux-256color", **activated()}
    line = shlex.join(["env", *(f"{name}={value}" for name, value in variables.items()), *command])
    _tmux("new-session", "-d", "-s", _SESSION, *size, "-c", str(folder), f"sleep 1; {line}")
    _tmux("set-option", "-t", _SESSION, "remain-on-exit", "on")
    try:
        yield
    finally:
        _tmux("kill-session", "-t", _SESSION)


def activated() -> dict[str, str]:
    """Return the variables of a shell in which this checkout's environment is activated."""
    environment = Path(__file__).parents[2] / ".venv"
    path = os.pathsep.join([str(environment / "bin"), os.environ["PATH"]])
    return {"VIRTUAL_ENV": str(environment), "PATH": path}


def interrupt() -> None:
    """Press Ctrl-C."""
    _tmux("send-keys", "-t", _SESSION, "C-c")


def screen(*, scrolled: bool = False) -> str:
    """Return the content of the terminal, with its colours.

    Args:
        scrolled: Include the lines that left it at the top.
    """
    back = ["-S", "-"] if scrolled else []
    return _tmux("capture-pane", "-e", "-p", "-t", _SESSION, *back)


def wait_for(text: str, seconds: float) -> str:
    """Return the screen once it shows a text.

    Raises:
        SystemExit: It does not within so many seconds.
    """
    until = time.monotonic() + seconds
    while text not in Text.from_ansi(shown := screen()).plain:
        if time.monotonic() > until or has_ended():
            sys.exit(f"The terminal does not show {text!r}:\n{Text.from_ansi(shown).plain}")
        time.sleep(0.5)
    return shown


def wait_for_end(seconds: float) -> str:
    """Return everything that the command wrote.

    Raises:
        SystemExit: It runs on after so many seconds.
    """
    until = time.monotonic() + seconds
    while not has_ended():
        if time.monotonic() > until:
            sys.exit(f"The command has not ended after {seconds:.0f} s")
        time.sleep(1.0)
    return screen(scrolled=True).partition(_ENDED)[0]


def has_ended() -> bool:
    """Return True if the command has ended."""
    return _tmux("display-message", "-p", "-t", _SESSION, "#{pane_dead}").strip() == "1"


def draw(shown: str, title: str, file: Path, *, width: int, secrets: Sequence[str]) -> None:
    """Write a screen as SVG.

    Args:
        shown: With its colours.
        title: Above it.
        file: To write.
        width: Columns.
        secrets: Texts that must not be seen.

    Raises:
        SystemExit: Something of it is.
    """
    text = Text.from_ansi(shown.rstrip())
    seen = [secret for secret in secrets if secret in text.plain]
    if seen:
        sys.exit(f"{file.name} would show {seen}")
    console = Console(width=width, record=True, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    console.print(text, end="\n\n")  # the frame cuts the last line's descenders
    file.write_text(console.export_svg(title=title), encoding="utf-8")


def _tmux(*arguments: str) -> str:
    command = ["tmux", "-u", "-L", _SESSION, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
