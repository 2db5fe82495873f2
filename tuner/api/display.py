"""Progress of a Python program's sweep: in a notebook, on a terminal, or as plain lines."""

import sys
import time
from collections.abc import Sequence
from typing import Any

from rich.text import Text

from tuner.formatting.timestamps import local_time
from tuner.results.console import PlainConsole
from tuner.results.live import frame_lines
from tuner.results.terminal import Terminal

WIDTH, HEIGHT = 100, 40
"""Columns and lines of the changing part in a notebook."""

REFRESH_SECONDS = 0.5
"""Minimal time between two updates of that part."""


def in_notebook() -> bool:
    """True in a cell of a notebook, where IPython can update the output."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and "IPKernelApp" in shell.config


def terminal(
    objective: str, keys: Sequence[str] = (), *, quiet: bool = False, moves: bool = True
) -> Terminal:
    """Return the display of this process.

    Args:
        objective: Name of the metric.
        keys: Searched keys.
        quiet: True to show only warnings and results.
        moves: False to show lines only.
    """
    if in_notebook():
        return NotebookTerminal(objective, keys=keys, quiet=quiet, moves=moves)
    return Terminal(objective, keys=keys, quiet=quiet, now=local_time, moves=moves)


class NotebookTerminal(Terminal):
    """Terminal of a notebook cell: ended trials as lines, running ones in a part that changes."""

    def __init__(self, *given: Any, **settings: Any) -> None:
        """Show nothing until `begin`; see `Terminal` for the arguments."""
        super().__init__(*given, **settings)
        # Kernels set FORCE_COLOR, and notebooks show the escape codes of links as text.
        self.console = PlainConsole(width=WIDTH, force_terminal=False, force_interactive=False)
        self._handle: Any = None
        self._drawn = 0.0

    @property
    def _is_live(self) -> bool:
        return self._moves and not self._quiet

    def begin(self, *given: Any, **settings: Any) -> None:
        """Show a line for the sweep and one for each slot; see `Terminal` for the arguments."""
        super().begin(*given, **settings)
        if self._is_live:
            from IPython.display import display  # noqa: PLC0415 - there in a notebook alone

            self._handle = display(self._content(), raw=True, display_id=True)

    def end(self) -> None:
        """Remove the changing part."""
        super().end()
        if self._handle is not None:
            self._handle.update({"text/plain": ""}, raw=True)
            self._handle = None

    def _set(self, slot: int, now: Any) -> None:
        super()._set(slot, now)
        if self._handle is not None and time.monotonic() - self._drawn >= REFRESH_SECONDS:
            self._drawn = time.monotonic()
            self._handle.update(self._content(), raw=True)

    def _content(self) -> dict[str, str]:
        lines = frame_lines(self.frame(), WIDTH, HEIGHT, _bar)
        return {"text/plain": "\n".join(line.plain for line in lines)}


def _bar(share: float, width: int) -> Text:
    return Text(("█" * round(share * width)).ljust(width, "░"))
