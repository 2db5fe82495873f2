"""Configurations of one fine-tune as files: what a sweep writes and `tuner train` reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from tuner.config.building import build_trial, leaves
from tuner.config.composer import Composer, Primary
from tuner.config.composition import Composition
from tuner.config.expressions import Kind, Setting, read_overrides
from tuner.config.files import Library, read_value, read_yaml, shaped
from tuner.config.messages import unknown_key
from tuner.config.names import check_study
from tuner.config.schema import DEFAULT_OPTIONS, OPEN_GROUPS, SWEEP, TRIAL_GROUPS, plain, structure
from tuner.config.sweeping import ComposedSweep
from tuner.core.settings import LauncherSettings, TrackingSettings, TrialSettings
from tuner.core.trial import Scalar
from tuner.errors import InputError
from tuner.secrets import hidden_values

_PROVENANCE = "provenance"
"""Key of what a file tells about itself; nothing reads it."""

_AGENT_GROUPS = ("launcher", "tracking")

_UNUSED = (SWEEP, "sampler", "pruner", "storage", "launcher.slots")
"""Groups and keys that mean nothing to a single fine-tune."""


@dataclass(frozen=True, kw_only=True)
class ComposedTraining:
    """One fine-tune, ready to run.

    Attributes:
        trial: What it is made of.
        study: The name that it is tracked under, if given.
        output: Folder of all studies.
        launcher: Where it runs.
        tracking: MLflow.
    """

    trial: TrialSettings
    study: str | None
    output: str
    launcher: LauncherSettings
    tracking: TrackingSettings


def compose_training(
    path: Path | None, arguments: Sequence[str], folder: Path
) -> ComposedTraining:
    """Composes the fine-tune of a file, or of overrides alone.

    Args:
        path: The file, as `dump_trial` writes it; groups that it leaves out have their defaults.
            None: all have.
        arguments: Overrides above it; an option of a group replaces the file's section.
        folder: Where the user's own conf/ is.

    Raises:
        InputError: Anything in the file or the overrides is wrong.
    """
    composed = _composed(path, _plain_overrides(arguments), folder)
    rest = composed.section(("study", "output", *_AGENT_GROUPS))
    check_study(rest["study"], composed)
    return ComposedTraining(
        trial=build_trial(composed),
        study=rest["study"],
        output=rest["output"],
        launcher=structure(LauncherSettings, rest["launcher"]),
        tracking=structure(TrackingSettings, rest["tracking"]),
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
    sections = {} if path is None else _read_sections(path, str(path))
    kept = {group: node for group, node in sections.items() if group not in chosen}
    groups = (*TRIAL_GROUPS, *_AGENT_GROUPS)
    primary = Primary(
        groups=groups,
        defaults={group: DEFAULT_OPTIONS[group] for group in groups if group not in kept},
        content=DictConfig(kept),
        label="command line" if path is None else str(path),
    )
    return (
        Composer(Library(folder), primary)
        .compose(chosen, [s for s in settings if s.kind is Kind.RAW])
        .with_values((s.key, s.value, s.where) for s in settings if s.kind is Kind.VALUE)
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
    return compose_training(path, overrides, folder or Path.cwd()).trial


def dump_trial(
    settings: TrialSettings,
    comments: Sequence[str] = (),
    provenance: Mapping[str, Any] | None = None,
) -> str:
    """Writes the configuration of one fine-tune; `load_trial` reads exactly the same.

    Args:
        settings: The configuration.
        comments: Lines put at the top, without their `#`.
        provenance: Where it comes from, as plain values; kept, but never read.
    """
    content = plain(settings)
    if provenance:
        content[_PROVENANCE] = dict(provenance)
    header = "".join(f"# {line}".rstrip() + "\n" for line in comments)
    return header + _to_yaml(content)


def render(composed: ComposedSweep) -> str:
    """The whole configuration of a sweep as YAML: the agent's part, and the base of all trials.

    It is for people and for MLflow: passwords in it are masked.
    """
    return _to_yaml(hidden_values({**plain(composed.agent), **plain(composed.base)}))


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
        if any(f"{setting.key}.".startswith(f"{unused}.") for unused in _UNUSED):
            raise InputError(
                f"one fine-tune does not use {setting.key}",
                where=setting.where,
                remedy="leave it out; a sweep uses it",
            )
    return settings


def _read_sections(path: Path, label: str) -> dict[str, DictConfig]:
    content, _ = read_yaml(path, label)
    if not content:
        raise InputError(
            "the file is empty",
            where=label,
            remedy="a file as a sweep writes it: outputs/STUDY/best.yaml",
        )
    sections: dict[str, DictConfig] = {}
    for key in content:
        if key == _PROVENANCE:
            continue
        if key not in TRIAL_GROUPS:
            raise unknown_key(str(key), label, TRIAL_GROUPS)
        node = read_value(content, str(key), label)
        if not isinstance(node, DictConfig):
            raise InputError(
                f"{key} is {node!r}, and it must hold keys",
                where=f"{label}, {key}",
                remedy="lines of the form `key: value` under it",
            )
        sections[str(key)] = shaped(str(key), DEFAULT_OPTIONS[str(key)], node, label)
    return sections
