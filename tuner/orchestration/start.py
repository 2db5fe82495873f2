"""Start of a sweep or a dry run: models and data are checked while the workers start."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from tuner.checkpoints.info import CheckpointInfo
from tuner.config import ComposedSweep, compose_trial, dump_trial, identify, searched_options
from tuner.devices.allocation import seconds_left
from tuner.devices.room import AvailableMemory
from tuner.execution.allocation import longest
from tuner.execution.interfaces import Plan, SweepHooks
from tuner.execution.memory_check import memory_lines, with_batch_size
from tuner.files.exclusive import exclusive
from tuner.launchers.launcher import Launcher
from tuner.orchestration.first import first_points
from tuner.orchestration.inputs import (
    InputReport,
    check_inputs,
    evaluation_lines,
    held_out_lines,
)
from tuner.results.terminal import Terminal
from tuner.search.extent import most_trials, search_lines
from tuner.search.goals import Goals
from tuner.search.literature import Published, points_of
from tuner.settings.settings import SoupSettings, StorageSettings, TrialSettings
from tuner.soup import refusal
from tuner.study import Definition, InitialPoints, Study, lock_name, made_with, prepared_url
from tuner.tracking import COMMIT
from tuner.trial.folder import StudyFolder
from tuner.trial.memory import FLOAT
from tuner.trial.records import Scalar, TrialOutcome

_SOUP_MODELS = 2
"""Whole models beside best_model/: single_model/, and a soup that is being built."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """Sweep with starting workers and checked inputs."""

    composed: ComposedSweep
    """Configuration of the sweep."""
    variants: Sequence[TrialSettings]
    """Trial settings that `check` composed of it."""
    inputs: InputReport
    """Findings on models and data."""
    memory: AvailableMemory | None
    """Memory of each trial; None if unknown."""
    terminal: Terminal
    """Display."""
    launcher: Launcher
    """Launcher whose workers are started."""
    first: Sequence[Mapping[str, Scalar]] = ()
    """Points that are tried first, after the untuned default."""
    published: Published | None = None
    """Points that a new study tries after them, from the literature; with their source."""
    hooks: SweepHooks = field(default_factory=SweepHooks)
    """Functions of the caller."""

    @property
    def goals(self) -> Goals:
        """Objectives and constraints of the trials."""
        return self.composed.goals

    @property
    def folder(self) -> StudyFolder:
        """Files of the study."""
        return StudyFolder(Path(self.composed.agent.output), self.composed.agent.study_name)

    @property
    def soup(self) -> SoupSettings | None:
        """Settings of the soup; None if the sweep has none."""
        return soup_settings(self.composed)

    @property
    def base(self) -> TrialSettings:
        """Untuned default, adapted to this machine."""
        return with_batch_size(self.composed.base, self.memory, self.inputs.shape)

    @property
    def n_trials(self) -> int:
        """Total of the sweep, or the number of points of its space if that is smaller."""
        composed = self.composed
        untuned = composed.space.untuned(composed.defaults)
        most = most_trials(composed.space, composed.agent.sampler, untuned, self.first)
        total = composed.agent.sweep.n_trials
        return total if most is None else min(total, most)

    def compose(self, parameters: Mapping[str, Scalar]) -> TrialSettings:
        """Compose a trial, adapted to this machine."""
        trial = compose_trial(self.composed, parameters)
        return with_batch_size(trial, self.memory, self.inputs.shape)

    def plan(self, ended: Iterable[TrialOutcome], tags: Mapping[str, str]) -> Plan:
        """Return the common plan of the trials, for the search and its repeats.

        Args:
            ended: Trials from which the duration of a trial is estimated.
            tags: Origin of the runs, as MLflow's tags.
        """
        agent = self.composed.agent
        return Plan(
            goals=self.goals,
            compose=self.compose,
            render=dump_trial,
            n_trials=agent.sweep.n_trials,
            max_failures=agent.sweep.max_failures,
            max_attempts=agent.launcher.max_attempts,
            trials_per_worker=agent.launcher.trials_per_worker,
            stall_timeout=agent.launcher.stall_timeout,
            time_left=partial(seconds_left, os.environ),
            longest=longest(ended),
            git_commit=tags.get(COMMIT, ""),
            versions=made_with(self.composed.metrics),
            hooks=SweepHooks(stop_requested=self.hooks.stop_requested),
            metrics=self.composed.metrics,
        )

    def open_study(self, folder: StudyFolder, storage: StorageSettings) -> Study:
        """Open or create the study.

        Args:
            folder: Files of the study; its database if the storage names none.
            storage: Storage of the study.
        """
        with exclusive(lock_name(storage, folder)):
            return self.make_study(folder, storage)

    def make_study(self, folder: StudyFolder, storage: StorageSettings) -> Study:
        """Create or open a study that no other process opens."""
        agent = self.composed.agent
        return Study(
            name=agent.study_name,
            url=prepared_url(storage, folder),
            definition=Definition(
                space=self.composed.space,
                base=self.composed.base,
                goals=self.goals,
                options=searched_options(self.composed, self.variants),
                contents=self.inputs.contents,
                metrics=self.composed.metrics,
                identify=identify(self.composed),
            ),
            sampler=agent.sampler,
            pruner=agent.pruner,
            defaults=self.composed.defaults,
            first=InitialPoints(
                always=self.first, if_new=self.published.points if self.published else ()
            ),
            settings=storage,
        )


def soup_settings(composed: ComposedSweep) -> SoupSettings | None:
    """Return the settings of a sweep's soup; None if it has none."""
    settings = composed.agent.sweep.soup
    return settings if settings.enabled and refusal(composed.goals) is None else None


def kept_weights_lines(
    composed: ComposedSweep, trials: Iterable[TrialSettings], inputs: InputReport, slots: int
) -> Iterator[str]:
    """Yield lines about the disk space of the weights that a soup needs, or why there is none.

    Args:
        composed: Configuration of the sweep.
        trials: Trials from all over the space.
        inputs: Findings on their models and data.
        slots: Number of trials that run at a time.
    """
    settings, reason = composed.agent.sweep.soup, refusal(composed.goals)
    if settings.enabled and reason is not None:
        yield f"sweep.soup is off: {reason}"
    elif settings.enabled:
        each = max(FLOAT * inputs.shape(trial).parameters for trial in trials) / 1e6
        most = each * (settings.keep + slots + _SOUP_MODELS)
        yield (
            f"soup: the weights of the {settings.keep} leading trials are kept, at most "
            f"{each:,.0f} MB each; with those of running trials and of the soup's own models at "
            f"most {most:,.0f} MB; sweep.soup=false keeps none"
        )


def _published(composed: ComposedSweep, checkpoint: CheckpointInfo) -> Published | None:
    """Return published configurations for the model's family that lie in the space.

    None for a grid, which has all points anyway.
    """
    agent = composed.agent
    if not agent.sweep.literature or agent.sampler["name"] == "grid":
        return None
    found = checkpoint.family.first_settings
    optimizer = composed.base.optimizer.name
    points = points_of(found, composed.space, optimizer, agent.sweep.n_trials)
    return replace(found, points=points) if points else None


@contextmanager
def prepare_start(
    composed: ComposedSweep,
    variants: Sequence[TrialSettings],
    terminal: Terminal,
    hooks: SweepHooks | None = None,
) -> Iterator[Start]:
    """Start the workers, and check the inputs while they import their libraries.

    Args:
        composed: Configuration of the sweep.
        variants: Trial settings that `check` composed of it.
        terminal: Display for notes on data and memory.
        hooks: Functions of the caller; None if there are none.

    Raises:
        InputError: Model or data cannot be used.
    """
    for line in search_lines(
        composed.space,
        composed.agent.sampler,
        composed.space.untuned(composed.defaults),
        composed.agent.sweep.n_trials,
    ):
        terminal.notice(line)
    first = first_points(composed)
    if first.points:
        count = len(first.points)
        terminal.notice(f"first trials, after the untuned default: {count} of start_from")
    for line in first.lines:
        terminal.notice(line)
    devices = max(variant.training.devices for variant in variants)
    agent = composed.agent
    folder = StudyFolder(Path(agent.output), agent.study_name).path
    launcher = agent.launcher.make(devices, folder, terminal.notice)
    memory = launcher.room()
    try:
        for slot in launcher.slots:
            launcher.start(slot)
        inputs = check_inputs(variants, composed.metrics)
        trials = [with_batch_size(variant, memory, inputs.shape) for variant in variants]
        confirms = composed.agent.sweep.confirm.top is not None
        held_out = held_out_lines(variants, confirms=confirms)
        counts = evaluation_lines(trials, inputs)
        needed = memory_lines(trials, memory, inputs.shape)
        soup = kept_weights_lines(composed, trials, inputs, len(launcher.slots))
        for line in (*inputs.lines, *counts, *held_out, *needed, *soup):
            terminal.notice(line)
        yield Start(
            composed=composed,
            variants=variants,
            inputs=inputs,
            memory=memory,
            terminal=terminal,
            launcher=launcher,
            first=first.points,
            published=_published(composed, inputs.variant(composed.base).checkpoint),
            hooks=hooks or SweepHooks(),
        )
    finally:
        launcher.close(composed.agent.launcher.stop_timeout)
