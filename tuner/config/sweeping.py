"""Composes a sweep: what the agent reads, the space, and each trial of it."""

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
from tuner.config.spaces import Found, build_space, check_whole, read_space, searched, settled
from tuner.errors import InputError
from tuner.search.configuration_id import configuration_id
from tuner.search.coverage import covering_points
from tuner.search.goals import Goals, goals_of
from tuner.search.space import Choice, SearchSpace
from tuner.settings.settings import AgentSettings, TrialSettings
from tuner.trial.records import Scalar

_DEFINED = "defined"
"""Option of the group `sweep` that stands in no file."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to compose a trial of a sweep."""

    composer: Composer
    """Composes options."""
    chosen: Mapping[str, str]
    """Group to option, where not the default."""
    settings: tuple[Setting, ...]
    """The plain overrides; later ones win."""
    optional: frozenset[str]
    """Keys that only some options have and that a plain value fixed: given where they exist."""
    origins: Mapping[str, str]
    """Searched key to where it is asked for, for messages."""

    def composition(self, parameters: Mapping[str, Scalar]) -> Composition:
        """The whole configuration with these values of the searched keys."""
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
    """A sweep, ready to run."""

    agent: AgentSettings
    """What the agent reads."""
    space: SearchSpace
    """What is searched."""
    base: TrialSettings
    """The untuned default configuration."""
    defaults: Mapping[str, Scalar]
    """Searched key to its value there, where it has one; for a group the option."""
    untuned: Mapping[str, Scalar]
    """Every key of the untuned default with a single value, and every group with its option."""
    overrides: tuple[str, ...]
    """The plain overrides that hold for every trial, the sweep's own first."""
    recipe: Recipe = field(repr=False, compare=False)
    """What `compose_trial` needs."""

    @property
    def goals(self) -> Goals:
        """What the sweep is run for.

        Raises:
            ValueError: A constraint can not be read.
        """
        return goals_of(self.agent.sweep)


def compose_sweep(
    arguments: Sequence[str], folder: Path, section: Mapping[str, Any] | None = None
) -> ComposedSweep:
    """Composes the sweep that a command line asks for.

    Args:
        arguments: The command line without the command.
        folder: Where the user's own conf/ and sweeps/ are.
        section: Content of the group `sweep`, which is then not read from a file; None: the
            arguments name the sweep.

    Raises:
        InputError: Anything in the command line or in a file that it needs is wrong.
    """
    library = Library(folder)
    if section is not None:
        library.define(SWEEP, _DEFINED, section, "the sweep")
        arguments = [f"{SWEEP}={_DEFINED}", *arguments]
    given = read_overrides(arguments, "command line")
    composer = Composer(library, Primary())
    chosen = _choices(given)
    if SWEEP not in chosen:
        raise InputError(
            "no sweep is named",
            where="command line",
            remedy="sweep=NAME, where NAME is one of " + ", ".join(library.names(SWEEP)),
        )
    sweep, label = _read_sweep(composer, chosen, given)
    own = _own_overrides(sweep["overrides"], label)
    found = read_space(sweep["space"], label)
    _refuse_twice(own, found)
    plain = tuple(s for s in (*own, *given) if s.kind is not Kind.SEARCH)
    fixed = {s.key for s in _last(given) if s.kind in (Kind.GROUP, Kind.VALUE)}
    wanted = [(d, w) for d, w in searched(given, found) if d.key not in fixed]
    _refuse_test(wanted)
    _check_options(library, wanted)
    recipe = Recipe(
        composer=composer,
        chosen={**_implied(plain, wanted), **_choices(plain)},
        settings=_without(plain, {d.key for d, _ in wanted}),
        optional=frozenset(d.key for d, _ in found if d.when and d.key in fixed),
        origins={d.key: where for d, where in wanted},
    )
    return _composed(recipe, wanted, label)


def _composed(recipe: Recipe, wanted: Sequence[Found], label: str) -> ComposedSweep:
    base = recipe.composition({})
    values = leaves(base)
    check_whole(wanted, values)
    space = build_space(settled(wanted, values), label)
    return ComposedSweep(
        agent=build_agent(base),
        space=space,
        base=build_trial(base),
        defaults={key: values[key] for key in space.keys if key in values},
        untuned=values,
        overrides=tuple(s.text for s in recipe.settings if s.key.split(".")[0] != SWEEP),
        recipe=recipe,
    )


def compose_trial(composed: ComposedSweep, parameters: Mapping[str, Scalar]) -> TrialSettings:
    """Composes one trial.

    Args:
        composed: The sweep.
        parameters: Searched key to value, for the keys that are active; a group's value is an
            option.

    Raises:
        InputError: The values do not fit the configuration, or can not be right.
    """
    return build_trial(composed.recipe.composition(parameters))


def identify(composed: ComposedSweep) -> Callable[[Mapping[str, Scalar]], str]:
    """Return what names the configuration of a trial, given its parameters.

    Two trials of one name have the same configuration, however their values were written.

    Args:
        composed: The sweep.
    """
    base = plain(composed.base)
    return lambda parameters: configuration_id(plain(compose_trial(composed, parameters)), base)


def check(composed: ComposedSweep) -> list[TrialSettings]:
    """Composes trials from all over the space, so that no trial fails for a wrong key later.

    Every option of every searched group is composed once at least, and so is every dimension at
    its ends, or with all of its choices.

    Returns:
        The untuned default and the trials composed: every model and data that the sweep may meet
        is among them.

    Raises:
        InputError: One of them is refused.
    """
    samples = [
        compose_trial(composed, parameters) for parameters in covering_points(composed.space)
    ]
    return [composed.base, *samples]


def searched_options(
    composed: ComposedSweep, variants: Sequence[TrialSettings]
) -> dict[str, dict[str, Any]]:
    """Of each searched group, the fields of each option that no dimension sets.

    Args:
        composed: The sweep.
        variants: What `check` composed of it.
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


def _implied(settings: Sequence[Setting], wanted: Sequence[Found]) -> dict[str, str]:
    """The options that values imply, of groups that are not searched."""
    searched_keys = {dimension.key for dimension, _ in wanted}
    implied = implied_options(settings)
    return {group: name for group, name in implied.items() if group not in searched_keys}


def _last(settings: Sequence[Setting]) -> list[Setting]:
    """The last override of each key; those before it count for nothing."""
    return list({setting.key: setting for setting in settings}.values())


def _without(settings: Sequence[Setting], keys: set[str]) -> tuple[Setting, ...]:
    return tuple(s for s in settings if s.key not in keys)


def _read_sweep(
    composer: Composer, chosen: Mapping[str, str], given: Sequence[Setting]
) -> tuple[dict[str, Any], str]:
    """The section `sweep`, with what the command line says about it, and its file."""
    composed = composer.compose(chosen)
    values = []
    for setting in given:
        if setting.key.startswith(f"{SWEEP}.space"):
            raise InputError(
                f"{setting.text!r} reaches into the space",
                where="command line",
                remedy="the key itself, as training.batch_size=8,16",
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
                remedy=f"{setting.key} under sweep.space",
            )
        if setting.key.split(".")[0] not in (*GROUPS, "output"):
            raise InputError(
                f"{setting.text!r} does not belong here",
                where=where,
                remedy="a key of one of the groups " + ", ".join(GROUPS),
            )
    return settings


def _refuse_twice(own: Sequence[Setting], found: Sequence[Found]) -> None:
    fixed = {setting.key: setting for setting in own}
    for dimension, where in found:
        if dimension.key in fixed:
            raise InputError(
                f"{dimension.key} is both searched and fixed",
                where=where,
                remedy=f"take it out of sweep.space or of {fixed[dimension.key].where}",
            )


def _refuse_test(found: Sequence[Found]) -> None:
    """What a trial never meets can not be searched."""
    for dimension, where in found:
        if dimension.key == "data.test":
            raise InputError(
                "data.test is scored once, for the confirmed best alone, and no trial reads it",
                where=where,
                remedy="data.test=PLACE, one file or split",
            )


def _check_options(library: Library, found: Sequence[Found]) -> None:
    """Every group among the dimensions and in their conditions names options that exist."""
    for dimension, where in found:
        if dimension.key in TRIAL_GROUPS:
            if not isinstance(dimension.domain, Choice):
                raise InputError(
                    f"{dimension.key} is a group",
                    where=where,
                    remedy="choice(...) of " + ", ".join(library.names(dimension.key)),
                )
            for name in dimension.domain.values:
                library.option(dimension.key, str(name), where=where)
        for key, allowed in dimension.when.items():
            for name in allowed if key in TRIAL_GROUPS else ():
                library.option(key, str(name), where=f"{where}, when")
