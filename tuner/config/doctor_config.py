"""Composition of `tuner doctor`, with or without a sweep."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.config.building import build_agent, build_trial
from tuner.config.composer import Composer, Primary
from tuner.config.expressions import Kind, read_overrides
from tuner.config.files import Library
from tuner.config.implied import implied_options
from tuner.config.schema import GROUPS, SWEEP
from tuner.config.sweeping import check_space, compose_sweep
from tuner.errors import InputError
from tuner.search.goals import Goals
from tuner.settings.settings import AgentSettings, TrialSettings


@dataclass(frozen=True, kw_only=True)
class ComposedDoctor:
    """Settings to check."""

    agent: AgentSettings
    """Settings of an agent."""
    goals: Goals
    """Goals of its sweep, or the usual one of the task."""
    trials: tuple[TrialSettings, ...]
    """Trials to check: with a sweep at least one for each model and data of it, else one."""


def compose_doctor(arguments: Sequence[str], folder: Path) -> ComposedDoctor:
    """Compose what a command line names; a sweep is optional.

    Args:
        arguments: Overrides.
        folder: Folder with the user's conf/ and sweeps/.

    Raises:
        InputError: An override, or a file that it needs, is wrong.
    """
    settings = read_overrides(arguments, "command line")
    if any(setting.key == SWEEP for setting in settings):
        sweep = compose_sweep(arguments, folder)
        return ComposedDoctor(
            agent=sweep.agent, goals=sweep.goals, trials=tuple(check_space(sweep))
        )
    for setting in settings:
        if setting.kind is Kind.SEARCH:
            raise InputError(
                f"{setting.text!r} is a search, but no sweep is named",
                where="command line",
                remedy=f"tuner doctor sweep=lr_search {shlex.quote(setting.text)}, or "
                f"{setting.key}=VALUE",
            )
    composed = (
        Composer(Library(folder), Primary(groups=GROUPS))
        .compose(
            implied_options(settings) | {s.key: s.value for s in settings if s.kind is Kind.GROUP},
            [s for s in settings if s.kind is Kind.RAW],
        )
        .with_values((s.key, s.value, s.where) for s in settings if s.kind is Kind.VALUE)
    )
    agent, goals, _ = build_agent(composed)
    return ComposedDoctor(agent=agent, goals=goals, trials=(build_trial(composed),))
