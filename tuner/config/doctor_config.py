"""Composes the command that looks at all that a sweep would use, of a sweep or without one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.config.building import build_agent, build_trial
from tuner.config.composer import Composer, Primary
from tuner.config.expressions import Kind, read_overrides
from tuner.config.files import Library
from tuner.config.implied import implied_options
from tuner.config.schema import GROUPS, SWEEP
from tuner.config.sweeping import check, compose_sweep
from tuner.errors import InputError
from tuner.settings.settings import AgentSettings, TrialSettings


@dataclass(frozen=True, kw_only=True)
class ComposedDoctor:
    """What is to be looked at."""

    agent: AgentSettings
    """What an agent would read."""
    trials: tuple[TrialSettings, ...]
    """Of a sweep one for each model and data that it may meet, at least; else one."""


def compose_doctor(arguments: Sequence[str], folder: Path) -> ComposedDoctor:
    """Composes what a command line names; a sweep is not required.

    Args:
        arguments: Overrides.
        folder: Where the user's own conf/ and sweeps/ are.

    Raises:
        InputError: Anything in the overrides, or in a file that they need, is wrong.
    """
    settings = read_overrides(arguments, "command line")
    if any(setting.key == SWEEP for setting in settings):
        sweep = compose_sweep(arguments, folder)
        return ComposedDoctor(agent=sweep.agent, trials=tuple(check(sweep)))
    for setting in settings:
        if setting.kind is Kind.SEARCH:
            raise InputError(
                f"{setting.text!r} is a search, and no sweep is named that it would be part of",
                where="command line",
                remedy=f"sweep=NAME beside it, or {setting.key}=VALUE",
            )
    composed = (
        Composer(Library(folder), Primary(groups=GROUPS))
        .compose(
            implied_options(settings) | {s.key: s.value for s in settings if s.kind is Kind.GROUP},
            [s for s in settings if s.kind is Kind.RAW],
        )
        .with_values((s.key, s.value, s.where) for s in settings if s.kind is Kind.VALUE)
    )
    return ComposedDoctor(agent=build_agent(composed), trials=(build_trial(composed),))
