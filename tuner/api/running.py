"""Sweeps that a Python program starts."""

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.api.display import terminal
from tuner.config import ComposedSweep, GivenMetrics, compose_sweep
from tuner.errors import InputError
from tuner.execution.interfaces import SweepHooks
from tuner.metrics import MetricRecord, check_importable
from tuner.orchestration.call import Call
from tuner.orchestration.invocations import stored_invocation
from tuner.orchestration.sweep_run import run_sweep
from tuner.processes.invocation import Invocation, key_of
from tuner.results.terminal import Terminal
from tuner.secrets import hidden
from tuner.settings.overrides import expression
from tuner.study.reader import find_metrics
from tuner.tracking import origin

DEFAULT_NAME = "sweep"
"""Name of a sweep that consists of a space only."""


@dataclass(frozen=True, kw_only=True)
class SweepRequest:
    """Arguments of one call of `tuner.sweep`."""

    name: str | None
    """Name of a sweep in ./sweeps or a bundled one; with `space` the name of the new sweep."""
    space: Mapping[str, Any] | None = None
    """Searched key to values; None for the space of the named sweep."""
    overrides: tuple[str, ...] = ()
    """Overrides of the sweep; later ones win."""
    quiet: bool = False
    """True to show only warnings and results."""
    metrics: tuple[MetricRecord, ...] = ()
    """Users' metrics to measure."""

    @property
    def words(self) -> tuple[str, ...]:
        """Overrides of the command line that runs the same sweep; empty if there is none."""
        if self.space is not None:
            return ()
        named = () if self.name is None else (f"sweep={self.name}",)
        return (*named, *self.overrides)


@dataclass(frozen=True, kw_only=True)
class PythonCall(Invocation):
    """Call of `tuner.sweep` that repeats a sweep."""

    request: SweepRequest
    """Arguments of the call."""

    def command_with(self, overrides: Mapping[str, str]) -> str:
        """Return the call with other overrides, passwords masked.

        Args:
            overrides: Key to override, quoted for a shell; each replaces the user's override of
                its key.
        """
        call = self.request
        given = [*(word for word in call.overrides if key_of(word) not in overrides)]
        given += [word for quoted in overrides.values() for word in shlex.split(quoted)]
        parts = [] if call.name is None else [repr(call.name)]
        parts += [] if call.space is None else [f"space={dict(call.space)!r}"]
        parts += [f"overrides={[hidden(word) for word in given]!r}"] if given else []
        named = ", ".join(each.target.replace(":", ".") for each in call.metrics)
        parts += [f"metrics=[{named}]"] if named else []
        return f"tuner.sweep({', '.join(parts)})"


def checked_overrides(overrides: Any) -> tuple[str, ...]:
    """Return overrides as a tuple.

    Raises:
        InputError: They are no list of texts.
    """
    found = () if isinstance(overrides, str) else tuple(overrides)
    if isinstance(overrides, str) or not all(isinstance(word, str) for word in found):
        raise InputError(
            f"overrides is {overrides!r}, which is not a list of texts",
            where="overrides",
            remedy='pass a list, as ["training.epochs=2"]',
        )
    return found


def compose(request: SweepRequest) -> ComposedSweep:
    """Compose the sweep of a call.

    Raises:
        InputError: The call, or a file that it needs, is wrong.
    """
    if any(key_of(word) == "sweep" for word in request.overrides):
        raise InputError(
            "overrides name a sweep",
            where="overrides",
            remedy='tuner.sweep("NAME"), the name as the first argument',
        )
    metrics = GivenMetrics(passed=request.metrics, stored=find_metrics)
    if request.space is None:
        composed = compose_sweep(request.words, Path.cwd(), metrics=metrics)
        _check_metrics(request, composed)
        return composed
    space = {key: space_expression(values) for key, values in request.space.items()}
    section = {"name": request.name or DEFAULT_NAME, "space": space}
    composed = compose_sweep(request.overrides, Path.cwd(), section, metrics)
    _check_metrics(request, composed)
    if composed.agent.launcher.submits_agents:
        raise InputError(
            f"the agents of launcher={composed.agent.launcher.name} cannot read a space that "
            "is defined only in Python",
            where="space",
            remedy="write the space to a file as sweeps/mine.yaml, and call tuner.sweep('mine')",
        )
    return composed


def _check_metrics(request: SweepRequest, composed: ComposedSweep) -> None:
    """Refuse metrics that the trials' processes could not import."""
    launcher = composed.agent.launcher
    if request.metrics and launcher.submits_agents:
        raise InputError(
            f"the agents of launcher={launcher.name} cannot read metrics that only Python passes",
            where="metrics",
            remedy="an installed package with entry points in tuner.metrics, whose metrics "
            "sweep.objectives and sweep.constraints name",
        )
    if not launcher.runs_inline:
        check_importable(request.metrics)


def space_expression(values: Any) -> Any:
    """Return the values of a key as an expression of a sweep file.

    Args:
        values: Expression as `tag(log, interval(1e-6, 1e-3))`; list of single values; or one or
            several mappings `{"values": …, "when": {…}}`.
    """
    if isinstance(values, Mapping):
        inner = {"values": space_expression(values["values"])} if "values" in values else {}
        return {**values, **inner}
    if isinstance(values, list | tuple):
        if any(isinstance(value, Mapping) for value in values):
            return [space_expression(value) for value in values]
        return f"choice({', '.join(map(expression, values))})"
    return values


def stored_request(attributes: Mapping[str, Any]) -> SweepRequest | None:
    """Return the call that repeats the last start of a study; None if unknown.

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
        composed: Sweep to run.
        request: Arguments of the call.
        shown: Display.
        hooks: Functions called as trials start, report and finish.

    Returns:
        0 if done, 1 if there is no usable result, 130 if interrupted.

    Raises:
        InputError: The sweep cannot run as it is configured.
    """
    started_at = time.monotonic()
    words: Sequence[str] = request.words or request.overrides
    call = Call(
        invocation=PythonCall(words=request.words, request=request),
        overrides=words,
        tags=origin(["sweep", *words], Path.cwd()),
        hooks=hooks,
    )
    return run_sweep(composed, call, shown, started_at)
