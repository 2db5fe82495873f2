"""Composition of a sweep: the agent's settings, the space, and each trial."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from tuner.config.building import build_agent, build_trial, leaves
from tuner.config.composer import Composer, Primary
from tuner.config.composition import Composition
from tuner.config.expressions import Kind, Setting, read_overrides
from tuner.config.files import Library
from tuner.config.implied import implied_options
from tuner.config.schema import GROUPS, SWEEP, TRIAL_GROUPS, plain
from tuner.config.spaces import (
    LocatedDimension,
    build_space,
    check_whole_numbers,
    read_space,
    simplified,
    with_searches,
)
from tuner.config.user_metrics import NO_METRICS, GivenMetrics
from tuner.errors import InputError
from tuner.formatting.suggestion import nearest
from tuner.metrics import MetricRecord
from tuner.search.configuration_id import configuration_id
from tuner.search.coverage import covering_points
from tuner.search.goals import Goals
from tuner.search.space import Choice, SearchSpace
from tuner.settings.settings import AgentSettings, TrialSettings
from tuner.trial.records import Scalar

_DEFINED = "defined"
"""Option of the group `sweep` that is not in a file."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything to compose trials of a sweep."""

    composer: Composer
    """Composer of the options."""
    chosen: Mapping[str, str]
    """Group to option, if not the default."""
    settings: tuple[Setting, ...]
    """Plain overrides; later ones win."""
    optional: frozenset[str]
    """Keys of some options that a plain value fixes; set only where they exist."""
    origins: Mapping[str, str]
    """Searched key to the place of its search, for messages."""

    def composition(self, parameters: Mapping[str, Scalar]) -> Composition:
        """Return the whole configuration with these values of searched keys."""
        groups = {key: str(value) for key, value in parameters.items() if key in TRIAL_GROUPS}
        raw = [setting for setting in self.settings if setting.kind is Kind.RAW]
        composed = self.composer.compose({**self.chosen, **groups}, raw, where=self.origins)
        plain = (
            (s.key, s.value, s.where)
            for s in self.settings
            if s.kind is Kind.VALUE and (s.key not in self.optional or composed.has(s.key))
        )
        sampled = (
            (key, value, self.origins.get(key, "parameters of the trial"))
            for key, value in parameters.items()
            if key not in groups
        )
        return composed.with_values(chain(plain, sampled))


@dataclass(frozen=True, kw_only=True)
class ComposedSweep:
    """A composed sweep."""

    agent: AgentSettings
    """Settings of the agent."""
    goals: Goals
    """Goals of the sweep."""
    space: SearchSpace
    """Search space."""
    base: TrialSettings
    """Settings of the untuned default."""
    defaults: Mapping[str, Scalar]
    """Searched key to its value in the untuned default, if any; for a group its option."""
    untuned: Mapping[str, Scalar]
    """Every key of the untuned default with a single value, and every group with its option."""
    overrides: tuple[str, ...]
    """Plain overrides of every trial, the sweep's own first."""
    metrics: tuple[MetricRecord, ...] = ()
    """Users' metrics that its trials measure."""
    recipe: Recipe = field(repr=False, compare=False)
    """Recipe for `compose_trial`."""


def compose_sweep(
    arguments: Sequence[str],
    folder: Path,
    section: Mapping[str, Any] | None = None,
    metrics: GivenMetrics = NO_METRICS,
) -> ComposedSweep:
    """Compose the sweep of a command line.

    Args:
        arguments: Command-line arguments without the command.
        folder: Folder with the user's conf/ and sweeps/.
        section: Content of the group `sweep` in place of a file; None if the arguments name the
            sweep.
        metrics: Users' metrics that objectives and constraints may name beside those of installed
            packages.

    Raises:
        InputError: The command line or a file that it needs is wrong.
    """
    library = Library(folder)
    if section is not None:
        library.define(SWEEP, _DEFINED, section, "the sweep")
        arguments = [f"{SWEEP}={_DEFINED}", *arguments]
    given = read_overrides(arguments, "command line")
    composer = Composer(library, Primary())
    chosen = _choices(given)
    if SWEEP not in chosen:
        raise _no_sweep(given, library.names(SWEEP))
    sweep, label = _read_sweep(composer, chosen, given)
    own = _own_overrides(sweep["overrides"], label)
    found = read_space(sweep["space"], label)
    _refuse_fixed(own, found)
    plain = tuple(s for s in (*own, *given) if s.kind is not Kind.SEARCH)
    fixed = {s.key for s in _last(given) if s.kind in (Kind.GROUP, Kind.VALUE)}
    wanted = [(d, w) for d, w in with_searches(given, found) if d.key not in fixed]
    _refuse_unsearchable(wanted)
    _check_options(library, wanted)
    recipe = Recipe(
        composer=composer,
        chosen={**_implied(plain, wanted), **_choices(plain)},
        settings=_without(plain, {d.key for d, _ in wanted}),
        optional=frozenset(d.key for d, _ in found if d.when and d.key in fixed),
        origins={d.key: where for d, where in wanted},
    )
    return _composed(recipe, wanted, label, metrics)


def _composed(
    recipe: Recipe, wanted: Sequence[LocatedDimension], label: str, given: GivenMetrics
) -> ComposedSweep:
    base = recipe.composition({})
    values = leaves(base)
    check_whole_numbers(wanted, values)
    space = build_space(simplified(wanted, values), label)
    agent, goals, metrics = build_agent(base, given)
    return ComposedSweep(
        agent=agent,
        goals=goals,
        metrics=metrics,
        space=space,
        base=build_trial(base),
        defaults={key: values[key] for key in space.keys if key in values},
        untuned=values,
        overrides=tuple(s.text for s in recipe.settings if s.key.split(".")[0] != SWEEP),
        recipe=recipe,
    )


def compose_trial(composed: ComposedSweep, parameters: Mapping[str, Scalar]) -> TrialSettings:
    """Compose a trial.

    Args:
        composed: Composed sweep.
        parameters: Active searched keys to their values; the value of a group is an option.

    Raises:
        InputError: The values do not fit the configuration, or are invalid.
    """
    return build_trial(composed.recipe.composition(parameters))


def identify(composed: ComposedSweep) -> Callable[[Mapping[str, Scalar]], str]:
    """Return a function of a trial's parameters that returns the id of its configuration.

    Trials with the same id have the same configuration, in whatever form their values were given.

    Args:
        composed: Composed sweep.
    """
    base = plain(composed.base)
    return lambda parameters: configuration_id(plain(compose_trial(composed, parameters)), base)


def check_space(composed: ComposedSweep) -> list[TrialSettings]:
    """Compose trials from all parts of the space, so that no later trial fails for a wrong key.

    Every option of every searched group is composed at least once, and every dimension at its
    ends, or with all of its choices.

    Returns:
        The untuned default and the composed trials, which include every model and data of the
            sweep.

    Raises:
        InputError: One of them is invalid.
    """
    samples = [
        compose_trial(composed, parameters) for parameters in covering_points(composed.space)
    ]
    return [composed.base, *samples]


def searched_options(
    composed: ComposedSweep, variants: Sequence[TrialSettings]
) -> dict[str, dict[str, Any]]:
    """Return the fields of each searched group's options that no dimension sets.

    Args:
        composed: Composed sweep.
        variants: Trials from `check_space`.
    """
    found: dict[str, dict[str, Any]] = {}
    for parameters, settings in zip(covering_points(composed.space), variants[1:], strict=True):
        for group in TRIAL_GROUPS:
            if group in parameters:
                fields = {
                    key: value
                    for key, value in plain(settings)[group].items()
                    if f"{group}.{key}" not in composed.space.keys
                }
                found.setdefault(group, {}).setdefault(str(parameters[group]), fields)
    return found


def _choices(settings: Sequence[Setting]) -> dict[str, str]:
    return {s.key: s.value for s in _last(settings) if s.kind is Kind.GROUP}


def _implied(settings: Sequence[Setting], wanted: Sequence[LocatedDimension]) -> dict[str, str]:
    """Return the options that values imply, for groups that are not searched."""
    searched_keys = {dimension.key for dimension, _ in wanted}
    implied = implied_options(settings)
    return {group: name for group, name in implied.items() if group not in searched_keys}


def _last(settings: Sequence[Setting]) -> list[Setting]:
    """Return the last override of each key, which alone counts."""
    return list({setting.key: setting for setting in settings}.values())


def _without(settings: Sequence[Setting], keys: set[str]) -> tuple[Setting, ...]:
    return tuple(s for s in settings if s.key not in keys)


def _no_sweep(given: Sequence[Setting], names: Sequence[str]) -> InputError:
    """Return the error for a command line that names no sweep, perhaps by a mistyped key."""
    meant = {s.value for s in given if s.value in names and nearest(s.key, [SWEEP])}
    return InputError(
        "no sweep is named",
        where="command line",
        remedy=f"tuner {SWEEP}={min(meant or {'lr_search'} & set(names) or names)}; "
        f"one of {', '.join(names)}",
    )


def _read_sweep(
    composer: Composer, chosen: Mapping[str, str], given: Sequence[Setting]
) -> tuple[dict[str, Any], str]:
    """Return the section `sweep`, with overrides of the command line, and its file."""
    composed = composer.compose(chosen)
    values = []
    for setting in given:
        if setting.key.startswith(f"{SWEEP}.space"):
            raise InputError(
                f"{setting.text!r} changes the space itself",
                where="command line",
                remedy=f"{setting.key.removeprefix(f'{SWEEP}.space.')}=choice(A,B), a search of "
                "the key itself, as training.batch_size=8,16",
            )
        if setting.key.startswith(f"{SWEEP}.") and setting.kind is Kind.VALUE:
            values.append((setting.key, setting.value, setting.where))
    content: dict[str, Any] = composed.with_values(values).section([SWEEP])[SWEEP]
    return content, composed.labels[SWEEP]


def _own_overrides(texts: Sequence[str], label: str) -> list[Setting]:
    where = f"{label}, sweep.overrides"
    settings = read_overrides(texts, where)
    for setting in settings:
        if setting.kind is Kind.SEARCH:
            raise InputError(
                f"{setting.text!r} is a search",
                where=where,
                remedy=f"a line `{setting.key}: {setting.text.partition('=')[2]}` under space",
            )
        if setting.key.split(".")[0] not in (*GROUPS, "output"):
            raise InputError(
                f"{setting.text!r} does not belong here",
                where=where,
                remedy="a key of one of the groups " + ", ".join(GROUPS),
            )
    return settings


def _refuse_fixed(own: Sequence[Setting], found: Sequence[LocatedDimension]) -> None:
    fixed = {setting.key: setting for setting in own}
    for dimension, where in found:
        if dimension.key in fixed:
            raise InputError(
                f"{dimension.key} is both searched and fixed",
                where=where,
                remedy=f"remove it from sweep.space or from {fixed[dimension.key].where}",
            )


def _refuse_unsearchable(found: Sequence[LocatedDimension]) -> None:
    """Refuse what no trial meets, and what trials do not compare over."""
    for dimension, where in found:
        if dimension.key.split(".")[0] == "task":
            raise InputError(
                "the task decides what a score means, so that trials of several do not compare",
                where=where,
                remedy=f"{dimension.key}=VALUE, the same for all trials",
            )
        if dimension.key == "data.test":
            raise InputError(
                "data.test is scored once, for the confirmed best, and no trial reads it",
                where=where,
                remedy="data.test=PLACE, one file or split",
            )


def _check_options(library: Library, found: Sequence[LocatedDimension]) -> None:
    """Check that every group in the dimensions and their conditions names existing options."""
    for dimension, where in found:
        if dimension.key in TRIAL_GROUPS:
            if not isinstance(dimension.domain, Choice):
                raise InputError(
                    f"{dimension.key} is a group",
                    where=where,
                    remedy=f"{dimension.key}={','.join(library.names(dimension.key))}, or some "
                    "of them",
                )
            for name in dimension.domain.values:
                library.option(dimension.key, str(name), where=where)
        for key, allowed in dimension.when.items():
            for name in allowed if key in TRIAL_GROUPS else ():
                library.option(key, str(name), where=f"{where}, when")
