"""Runs a sweep that a Python program asked for."""

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.api.display import terminal
from tuner.config import ComposedSweep, compose_sweep
from tuner.errors import InputError
from tuner.execution.interfaces import SweepHooks
from tuner.orchestration.call import Call
from tuner.orchestration.invocations import stored_invocation
from tuner.orchestration.sweep_run import run_sweep
from tuner.processes.invocation import Invocation, key_of
from tuner.results.terminal import Terminal
from tuner.secrets import hidden
from tuner.settings.overrides import expression
from tuner.tracking import origin

DEFAULT_NAME = "sweep"
"""Name of a sweep that is given as a space alone."""


@dataclass(frozen=True, kw_only=True)
class SweepRequest:
    """One call of `tuner.sweep`."""

    name: str | None
    """Name of a sweep of ./sweeps or a bundled one; with `space` the name that it gets."""
    space: Mapping[str, Any] | None = None
    """Searched key to values; None: as the named sweep says."""
    overrides: tuple[str, ...] = ()
    """Overrides above the sweep, later ones win."""
    quiet: bool = False
    """True to show warnings and results alone."""

    @property
    def words(self) -> tuple[str, ...]:
        """Overrides that a command line has for the same sweep; empty where it has none."""
        if self.space is not None:
            return ()
        named = () if self.name is None else (f"sweep={self.name}",)
        return (*named, *self.overrides)


@dataclass(frozen=True, kw_only=True)
class PythonCall(Invocation):
    """A call of `tuner.sweep` as the user would repeat it."""

    request: SweepRequest
    """What was asked for."""

    def changed(self, overrides: Mapping[str, str]) -> str:
        """Return the call with other overrides, passwords masked.

        Args:
            overrides: Key to override, quoted for a shell; each takes the place of what the user
                gave for its key.
        """
        asked = self.request
        given = [*(word for word in asked.overrides if key_of(word) not in overrides)]
        given += [word for quoted in overrides.values() for word in shlex.split(quoted)]
        parts = [] if asked.name is None else [repr(asked.name)]
        parts += [] if asked.space is None else [f"space={dict(asked.space)!r}"]
        parts += [f"overrides={[hidden(word) for word in given]!r}"] if given else []
        return f"tuner.sweep({', '.join(parts)})"


def listed(overrides: Any) -> tuple[str, ...]:
    """Return overrides as a caller gave them.

    Raises:
        InputError: They are no list of texts.
    """
    found = () if isinstance(overrides, str) else tuple(overrides)
    if isinstance(overrides, str) or not all(isinstance(word, str) for word in found):
        raise InputError(
            f"overrides is {overrides!r}, which is not a list of texts",
            where="overrides",
            remedy='a list, as ["training.epochs=2"]',
        )
    return found


def compose(request: SweepRequest) -> ComposedSweep:
    """Compose the sweep of a call.

    Raises:
        InputError: Anything in the call, or in a file that it needs, is wrong.
    """
    if any(key_of(word) == "sweep" for word in request.overrides):
        raise InputError(
            "overrides name a sweep",
            where="overrides",
            remedy="the name as the first argument of tuner.sweep",
        )
    if request.space is None:
        return compose_sweep(request.words, Path.cwd())
    space = {key: searched(values) for key, values in request.space.items()}
    section = {"name": request.name or DEFAULT_NAME, "space": space}
    composed = compose_sweep(request.overrides, Path.cwd(), section)
    if composed.agent.launcher.submits_agents:
        raise InputError(
            f"the agents of launcher={composed.agent.launcher.name} cannot read a space that "
            "stands in Python alone",
            where="space",
            remedy="the space in a file as sweeps/mine.yaml, and tuner.sweep('mine')",
        )
    return composed


def searched(values: Any) -> Any:
    """Return the values of a key as a sweep's file has them.

    Args:
        values: Expression as `tag(log, interval(1e-6, 1e-3))`; list of single values; or one or
            several mappings `{"values": …, "when": {…}}`.
    """
    if isinstance(values, Mapping):
        inner = {"values": searched(values["values"])} if "values" in values else {}
        return {**values, **inner}
    if isinstance(values, list | tuple):
        if any(isinstance(value, Mapping) for value in values):
            return [searched(value) for value in values]
        return f"choice({', '.join(map(expression, values))})"
    return values


def stored_request(attributes: Mapping[str, Any]) -> SweepRequest | None:
    """Return the call that repeats the last start of a study; None where it is not known.

    Args:
        attributes: User attributes of the study.
    """
    found = stored_invocation(attributes)
    if found is None or not found.words:
        return None
    words = [word for word in found.words if key_of(word) is not None]
    names = [word.partition("=")[2] for word in words if key_of(word) == "sweep"]
    rest = tuple(word for word in words if key_of(word) != "sweep")
    return SweepRequest(name=names[-1] if names else None, overrides=rest)


def show_on(composed: ComposedSweep, *, quiet: bool) -> Terminal:
    """Return the display of a sweep."""
    moves = not composed.agent.launcher.runs_inline
    return terminal(composed.goals.objective, composed.space.keys, quiet=quiet, moves=moves)


def run(composed: ComposedSweep, request: SweepRequest, shown: Terminal, hooks: SweepHooks) -> int:
    """Run the sweep of a call to its end.

    Args:
        composed: The sweep.
        request: The call.
        shown: Display.
        hooks: Called as trials start, report and finish.

    Returns:
        0 done, 1 nothing usable came out, 130 interrupted.

    Raises:
        InputError: The sweep cannot run as it is configured.
    """
    begun = time.monotonic()
    words: Sequence[str] = request.words or request.overrides
    call = Call(
        invocation=PythonCall(words=request.words, request=request),
        overrides=words,
        tags=origin(["sweep", *words], Path.cwd()),
        hooks=hooks,
    )
    return run_sweep(composed, call, shown, begun)
