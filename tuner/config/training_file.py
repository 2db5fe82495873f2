"""Configurations of one fine-tune as files: what a sweep writes and `tuner train` reads."""

from collections.abc import Mapping, Sequence
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
from tuner.config.files import Library, parse_yaml
from tuner.config.implied import DATA, implied_options
from tuner.config.names import check_study
from tuner.config.schema import DEFAULT_OPTIONS, OPEN_GROUPS, SWEEP, TRIAL_GROUPS, plain, structure
from tuner.config.sweeping import ComposedSweep
from tuner.config.training_sections import (
    PROVENANCE,
    USED_AGENT_GROUPS,
    TrainingSections,
    read_sections,
)
from tuner.errors import InputError
from tuner.search.goals import Goals
from tuner.secrets import MASK, hidden_values
from tuner.settings.launchers import REGISTRY as LAUNCHERS
from tuner.settings.launchers import LauncherSettings
from tuner.settings.settings import TrackingSettings, TrialSettings
from tuner.settings.training_settings import AUTO
from tuner.trial.records import Scalar

_UNUSED = (SWEEP, "sampler", "pruner", "storage", "launcher.slots")
"""Groups and keys that mean nothing to a single fine-tune."""

_USED = ("sweep.objectives", "sweep.constraints")
"""Keys among them that say what is shown of it."""


@dataclass(frozen=True, kw_only=True)
class ComposedTraining:
    """One fine-tune, ready to run."""

    trial: TrialSettings
    """What it is made of."""
    study: str | None
    """The name that it is tracked under, if given."""
    output: str
    """Folder of all studies."""
    launcher: LauncherSettings
    """Where it runs."""
    tracking: TrackingSettings
    """MLflow."""
    goals: Goals
    """What its result is measured by."""


def compose_training(
    path: Path | None, arguments: Sequence[str], folder: Path
) -> ComposedTraining:
    """Composes the fine-tune of a file, or of overrides alone.

    Args:
        path: The file; keys that it leaves out have the defaults of their groups' options.
            None: all have.
        arguments: Overrides above it; an option of a group replaces the file's section.
        folder: Where the user's own conf/ is.

    Raises:
        InputError: Anything in the file or the overrides is wrong.
    """
    composed = _composed(path, _plain_overrides(arguments), folder)
    rest = composed.section(("study", "output", *USED_AGENT_GROUPS))
    check_study(rest["study"], composed)
    _refuse_masked(rest, composed)
    return ComposedTraining(
        trial=build_trial(composed),
        study=rest["study"],
        output=rest["output"],
        launcher=LAUNCHERS.from_mapping(rest["launcher"]),
        tracking=structure(TrackingSettings, rest["tracking"]),
        goals=build_goals(composed),
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
    """What some options are, the others being the defaults.

    Args:
        chosen: Group to option.
        folder: Where the user's own conf/ is.

    Raises:
        InputError: An option that there is not, or whose file is wrong.
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
    """The section `sweep` with a name, which every sweep has."""
    goals: Mapping[str, Any] = sections.content.get(SWEEP, {})
    return DictConfig(dict(goals) | {"name": "train"})


def _labelled(composed: Composition, sections: TrainingSections) -> Composition:
    """A composition that names the file for all that it gives, and for what it leaves out."""
    kept = sections.groups
    return replace(
        composed,
        choices={group: name for group, name in composed.choices.items() if group not in kept},
        labels={**composed.labels, **dict.fromkeys(kept, sections.label)},
        given=dict.fromkeys(sections.keys, sections.label),
    )


def trial_values(path: Path, folder: Path) -> dict[str, Scalar]:
    """The keys of a fine-tune's file as a search space names them, groups by their options.

    Args:
        path: The file.
        folder: Where the user's own conf/ is.

    Raises:
        InputError: Anything in the file is wrong.
    """
    values = leaves(_composed(path, (), folder))
    named = {group: values[f"{group}.name"] for group in OPEN_GROUPS if f"{group}.name" in values}
    return values | named


def load_trial(
    path: Path, overrides: Sequence[str] = (), folder: Path | None = None
) -> TrialSettings:
    """Reads the configuration of one fine-tune.

    Args:
        path: The file.
        overrides: Overrides above it.
        folder: Where the user's own conf/ is; the current folder by default.

    Raises:
        InputError: Anything in the file or the overrides is wrong.
    """
    return build_trial(_composed(path, _plain_overrides(overrides), folder or Path.cwd()))


def read_trial(text: str) -> TrialSettings | None:
    """Read what `dump_trial` wrote, as it stands: nothing is composed, no other file is read.

    Returns:
        None where it is damaged, or another version wrote other keys.
    """
    try:
        content: Any = OmegaConf.to_container(parse_yaml(text, "config.yaml"), resolve=True)
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
    """Write the configuration of one fine-tune; `read_trial` and `load_trial` read the same.

    Args:
        settings: The configuration.
        comments: Lines put at the top, without their `#`.
        provenance: Where it comes from, as plain values; of them only the objectives are read.
    """
    content = _plain_trial(settings)
    if provenance:
        content[PROVENANCE] = dict(provenance)
    header = "".join(f"# {line}".rstrip() + "\n" for line in comments)
    return header + _to_yaml(content)


def render(composed: ComposedSweep) -> str:
    """The whole configuration of a sweep as YAML: the agent's part, and the base of all trials.

    It is for people and for MLflow: passwords in it are masked.
    """
    return _to_yaml(hidden_values({**plain(composed.agent), **_plain_trial(composed.base)}))


def render_training(composed: ComposedTraining) -> str:
    """The whole configuration of one fine-tune as YAML, which `compose_training` reads.

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
    """A trial's configuration as users write it."""
    content = plain(settings)
    if settings.training.batch_size == AUTO:
        content["training"]["batch_size"] = "auto"
    return content


def _to_yaml(content: Mapping[str, Any]) -> str:
    # Through OmegaConf, whose printer quotes what its reader would take for something else.
    return OmegaConf.to_yaml(OmegaConf.create(_literal(content)))


def _literal(value: Any) -> Any:
    """The value with `${` escaped, which would otherwise be read as a reference."""
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
                f"{setting.text!r} is a search, and one fine-tune searches nothing",
                where="command line",
                remedy=f"{setting.key}=VALUE",
            )
        if setting.key.startswith(_USED):
            continue
        if any(f"{setting.key}.".startswith(f"{unused}.") for unused in _UNUSED):
            raise InputError(
                f"one fine-tune does not use {setting.key}",
                where=setting.where,
                remedy="leave it out; a sweep uses it",
            )
    return settings
