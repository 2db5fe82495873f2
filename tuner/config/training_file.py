"""Configuration of a single fine-tune as a file, which a sweep writes and `tuner train` reads."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cattrs.errors import CattrsError
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tuner.config.building import build_goals, build_trial, leaves
from tuner.config.composer import Composer, Primary
from tuner.config.composition import Composition
from tuner.config.expressions import Kind, Setting, read_overrides
from tuner.config.files import Library, parse_yaml, read_value, read_yaml
from tuner.config.implied import DATA, implied_options
from tuner.config.names import check_study_name
from tuner.config.schema import DEFAULT_OPTIONS, OPEN_GROUPS, SWEEP, TRIAL_GROUPS, plain, structure
from tuner.config.sweeping import ComposedSweep
from tuner.config.training_sections import (
    PROVENANCE,
    USED_AGENT_GROUPS,
    TrainingSections,
    read_sections,
)
from tuner.errors import InputError
from tuner.metrics import MetricRecord
from tuner.search.goals import Goals
from tuner.secrets import MASK, hidden_values
from tuner.settings.launchers import REGISTRY as LAUNCHERS
from tuner.settings.launchers import LauncherSettings
from tuner.settings.settings import TrackingSettings, TrialSettings
from tuner.settings.training_settings import AUTO
from tuner.tasks import Classification
from tuner.trial.records import Scalar

_UNUSED = (SWEEP, "sampler", "pruner", "storage", "launcher.slots")
"""Groups and keys that a single fine-tune does not use."""

_USED = ("sweep.objectives", "sweep.constraints")
"""Keys among them that decide what is shown of it."""


@dataclass(frozen=True, kw_only=True)
class ComposedTraining:
    """A composed single fine-tune."""

    trial: TrialSettings
    """Settings of the trial."""
    study: str | None
    """Name under which it is tracked; None if there is none."""
    output: str
    """Folder of all studies."""
    launcher: LauncherSettings
    """Settings of the launcher."""
    tracking: TrackingSettings
    """Settings of MLflow."""
    goals: Goals
    """Goals that measure its result."""
    metrics: tuple[MetricRecord, ...] = ()
    """Users' metrics to measure."""


def compose_training(
    path: Path | None,
    arguments: Sequence[str],
    folder: Path,
    metrics: Sequence[MetricRecord] = (),
    stored: Callable[[Path], Sequence[MetricRecord]] = lambda _: (),
) -> ComposedTraining:
    """Compose the fine-tune of a file, or of overrides only.

    Args:
        path: Path of the file; missing keys have the defaults of their groups' options. None to
            use defaults for all keys.
        arguments: Overrides; an option of a group replaces the file's section.
        folder: Folder with the user's conf/.
        metrics: Users' metrics to measure.
        stored: Function that returns the users' metrics of the study that wrote a file; asked
            for names that are not passed.

    Raises:
        InputError: The file or an override is wrong.
    """
    composed = _composed(path, _plain_overrides(arguments), folder)
    goals, measured = build_goals(composed, metrics, lambda: () if path is None else stored(path))
    rest = composed.section(("study", "output", *USED_AGENT_GROUPS))
    check_study_name(rest["study"], composed)
    _refuse_masked(rest, composed)
    return ComposedTraining(
        trial=build_trial(composed),
        study=rest["study"],
        output=rest["output"],
        launcher=LAUNCHERS.from_mapping(rest["launcher"]),
        tracking=structure(TrackingSettings, rest["tracking"]),
        goals=goals,
        metrics=measured,
    )


def _refuse_masked(agent: Mapping[str, Any], composed: Composition) -> None:
    """Refuse an address that was printed without its password."""
    uri = agent["tracking"]["uri"]
    if uri and MASK in uri:
        raise InputError(
            f"tracking.uri is {uri!r}, an address without its password",
            where=composed.where("tracking.uri"),
            remedy="tracking.uri=null on the command line, and the address in MLFLOW_TRACKING_URI",
        )


def composed_options(chosen: Mapping[str, str], folder: Path) -> Composition:
    """Return the composition of some options, with defaults for the others.

    Args:
        chosen: Group to option.
        folder: Folder with the user's conf/.

    Raises:
        InputError: An option does not exist, or its file is wrong.
    """
    return _composed(None, read_overrides(list(map("=".join, chosen.items())), "export"), folder)


def _composed(path: Path | None, settings: Sequence[Setting], folder: Path) -> Composition:
    chosen = {s.key: s.value for s in settings if s.kind is Kind.GROUP}
    sections = TrainingSections() if path is None else read_sections(path, str(path))
    sections = sections.without(chosen)
    if DATA not in sections.groups:
        chosen = {**implied_options(settings), **chosen}
    groups = (*TRIAL_GROUPS, *USED_AGENT_GROUPS)
    primary = Primary(
        groups=(*groups, SWEEP),
        defaults={group: sections.options.get(group, DEFAULT_OPTIONS[group]) for group in groups},
        content=DictConfig(dict(sections.content) | {SWEEP: _goals(sections)}),
        label=sections.label,
        whole=sections.whole,
    )
    composed = Composer(Library(folder), primary).compose(
        chosen, [s for s in settings if s.kind is Kind.RAW]
    )
    return _labelled(composed, sections).with_values(
        (s.key, s.value, s.where) for s in settings if s.kind is Kind.VALUE
    )


def _goals(sections: TrainingSections) -> DictConfig:
    """Return the section `sweep` with a name, which every sweep needs."""
    goals: Mapping[str, Any] = sections.content.get(SWEEP, {})
    return DictConfig(dict(goals) | {"name": "train"})


def _labelled(composed: Composition, sections: TrainingSections) -> Composition:
    """Return a composition that names the file for all keys and groups that it contains."""
    kept = sections.groups
    return replace(
        composed,
        choices={group: name for group, name in composed.choices.items() if group not in kept},
        labels={**composed.labels, **dict.fromkeys(kept, sections.label)},
        given=dict.fromkeys(sections.keys, sections.label),
    )


def read_provenance(path: Path) -> dict[str, Any]:
    """Return the provenance in the file of a fine-tune; empty if it has none.

    Raises:
        InputError: The file cannot be read.
    """
    content, label = read_yaml(path, str(path))
    found = read_value(content, PROVENANCE, label) if PROVENANCE in content else None
    plain: Any = OmegaConf.to_container(found) if isinstance(found, DictConfig) else {}
    return dict(plain)


def trial_values(path: Path, folder: Path) -> dict[str, Scalar]:
    """Return the keys of a fine-tune's file as in a search space, groups by their options.

    Args:
        path: Path of the file.
        folder: Folder with the user's conf/.

    Raises:
        InputError: The file is wrong.
    """
    values = leaves(_composed(path, (), folder))
    named = {group: values[f"{group}.name"] for group in OPEN_GROUPS if f"{group}.name" in values}
    return values | named


def load_trial(
    path: Path, overrides: Sequence[str] = (), folder: Path | None = None
) -> TrialSettings:
    """Read the configuration of a single fine-tune.

    Args:
        path: Path of the file.
        overrides: Overrides of its values.
        folder: Folder with the user's conf/; by default the current folder.

    Raises:
        InputError: The file or an override is wrong.
    """
    return build_trial(_composed(path, _plain_overrides(overrides), folder or Path.cwd()))


def read_trial(text: str) -> TrialSettings | None:
    """Parse the output of `dump_trial` literally, without composing or reading other files.

    Returns:
        The settings; None if the text is damaged, or another version wrote other keys.
    """
    try:
        content: Any = OmegaConf.to_container(parse_yaml(text, "config.yaml"), resolve=True)
        # Before there were tasks, classification was the only one.
        content = {"task": Classification().to_mapping()} | content
        groups = {group: content[group] for group in TRIAL_GROUPS}
        if groups["training"]["batch_size"] == "auto":
            groups["training"]["batch_size"] = AUTO
        return structure(TrialSettings, groups)
    except (InputError, OmegaConfBaseException, CattrsError, LookupError, TypeError, ValueError):
        return None


def dump_trial(
    settings: TrialSettings,
    comments: Sequence[str] = (),
    provenance: Mapping[str, Any] | None = None,
) -> str:
    """Return the configuration of a fine-tune as YAML for `read_trial` and `load_trial`.

    Args:
        settings: Settings of the trial.
        comments: Lines for the top, without their `#`.
        provenance: Provenance as plain values, of which only the objectives are read.
    """
    content = _plain_trial(settings)
    if provenance:
        content[PROVENANCE] = dict(provenance)
    header = "".join(f"# {line}".rstrip() + "\n" for line in comments)
    return header + _to_yaml(content)


def render(composed: ComposedSweep) -> str:
    """Return the whole configuration of a sweep as YAML: the agent's, and the base of all trials.

    It is for people and MLflow: passwords in it are masked.
    """
    return _to_yaml(hidden_values({**plain(composed.agent), **_plain_trial(composed.base)}))


def render_training(composed: ComposedTraining) -> str:
    """Return the whole configuration of a fine-tune as YAML, which `compose_training` reads.

    Passwords in it are masked.
    """
    content = {
        "study": composed.study,
        "output": composed.output,
        SWEEP: composed.goals.to_plain(),
        "launcher": plain(composed.launcher),
        "tracking": plain(composed.tracking),
        **_plain_trial(composed.trial),
    }
    return _to_yaml(hidden_values(content))


def _plain_trial(settings: TrialSettings) -> dict[str, Any]:
    """Return a trial's configuration as users write it."""
    content = plain(settings)
    if settings.training.batch_size == AUTO:
        content["training"]["batch_size"] = "auto"
    return content


def _to_yaml(content: Mapping[str, Any]) -> str:
    # OmegaConf's printer quotes texts that its parser would take for other values.
    return OmegaConf.to_yaml(OmegaConf.create(_literal(content)))


def _literal(value: Any) -> Any:
    """Return a value with `${` escaped, which would otherwise be a reference."""
    if isinstance(value, Mapping):
        return {key: _literal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_literal(item) for item in value]
    return value.replace("${", r"\${") if isinstance(value, str) else value


def _plain_overrides(arguments: Sequence[str]) -> list[Setting]:
    settings = read_overrides(arguments, "command line")
    for setting in settings:
        if setting.kind is Kind.SEARCH:
            raise InputError(
                f"{setting.text!r} is a search, but a single fine-tune searches nothing",
                where="command line",
                remedy=f"tuner sweep=lr_search {shlex.quote(setting.text)} searches it; "
                f"{setting.key}=VALUE for one fine-tune",
            )
        if setting.key.startswith(_USED):
            continue
        if any(f"{setting.key}.".startswith(f"{unused}.") for unused in _UNUSED):
            raise InputError(
                f"a single fine-tune does not use {setting.key}",
                where=setting.where,
                remedy=f"the same command without {setting.key}, which a sweep uses",
            )
    return settings
