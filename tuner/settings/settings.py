"""The typed configuration, group by group: what Hydra fills in and what a trial is made of.

Every class is one configuration group of conf/; every attribute is a key that users may set. An
optimizer, a schedule or a launcher has the fields of its own class, which its `name` chooses. The
groups `sampler` and `pruner` arrive as plain mappings with a `name`.
"""

import re
from dataclasses import dataclass, field
from typing import Annotated, Any

from tuner.fields.bounds import (
    LARGEST_SEED,
    NAME,
    OPEN_SHARE,
    SHARE,
    Bounds,
    Condition,
    above,
    at_least,
    between,
    one_of,
)
from tuner.optimizers import AdamW, Optimizer
from tuner.schedules import Linear, Schedule
from tuner.settings.between_starts import (
    BetweenStarts,
    anything,
    declared,
    naming,
    same,
    same_content,
)
from tuner.settings.delimited import DELIMITER, QUOTING, is_delimiter
from tuner.settings.file_formats import FORMATS
from tuner.settings.launchers import LauncherSettings, default_launcher
from tuner.settings.training_settings import TrainingSettings
from tuner.tasks import Classification, Task

MISSING = "???"
"""Hydra's mark of a mandatory value that is not given yet."""

SQLITE, JOURNAL, POSTGRESQL = "sqlite", "journal", "postgresql"
STORAGES = (SQLITE, JOURNAL, POSTGRESQL)

_DELIMITER = Condition(text=DELIMITER, holds=is_delimiter)
_CHECKPOINT = Condition(text="a hub id or a local folder", holds=bool)
_DROPOUT = Bounds(text="a rate from 0 to below 1", low=0.0, high=1.0, open_high=True)
_REGISTERED = re.compile(r"[^/:'\"\x00-\x1f]+")
_REGISTERED_NAME = Condition(
    text="a name without / and :", holds=lambda value: _REGISTERED.fullmatch(value) is not None
)


@dataclass(frozen=True, kw_only=True)
class PackagedFiles:
    """Files that an installed Python package carries; none of its code is imported."""

    name: str = same_content(MISSING)
    """Import name of the package."""

    path: str = same_content(MISSING)
    """Folder or file inside it."""

    sha256: str | None = same_content(None)
    """Hash of the file, or of `model.safetensors` in the folder; null: not checked."""

    stands_for: str | None = same_content(None)
    """Hub id whose files these are: another `model.checkpoint` is never taken from the package;
    null: any."""


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """Group `model`: the encoder that is fine-tuned."""

    checkpoint: Annotated[str, _CHECKPOINT] = same_content(MISSING)
    """Hugging Face hub id, or a local folder in Hugging Face format."""

    revision: str | None = same_content(None)
    """Branch, tag or commit of the hub id; null: the default branch."""

    package: PackagedFiles | None = None
    """Package that carries the same files; used before the hub is asked."""

    max_length: Annotated[int, at_least(8)] = same(128)
    """Tokens; longer texts are truncated, and the truncated share is shown."""

    dropout: Annotated[float, _DROPOUT] = same(0.1)
    """Dropout rate of encoder and head, 0 to below 1."""


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Group `data`: labelled texts or text pairs."""

    format: Annotated[str, one_of(FORMATS)] = same_content(MISSING)
    """`csv`, `json` (array or lines), `parquet`, `conll` (a word and its tags in each line), `hub`
    (Hugging Face datasets) or `tfds`."""

    package: PackagedFiles | None = None
    """Package that carries the training file; then `train` stays null."""

    train: str | None = same_content(None)
    """Training file; for `hub` and `tfds` the split's name."""

    validation: str | None = same_content(None)
    """Validation file or split; null: `validation_fraction` of the training rows."""

    test: str | None = anything(None)
    """Test file or split, scored once, at the end, for the confirmed best only (see
    `sweep.confirm`); null: none."""

    name: str | None = same_content(None)
    """Data set id for `hub` and `tfds`."""

    config: str | None = same_content(None)
    """Configuration (subset) of a `hub` data set."""

    revision: str | None = same_content(None)
    """Branch, tag or commit of a `hub` data set."""

    delimiter: Annotated[str | None, _DELIMITER] = same_content(None)
    """Character between the columns of a `csv` file, or comma, tab, semicolon, pipe or space;
    null: detected from the file."""

    quoting: Annotated[str | None, one_of(QUOTING)] = same_content(None)
    """Meaning of quote marks in a `csv` file: `double` (they enclose texts and are doubled
    inside), `backslash` (they enclose texts and are escaped inside) or `none` (they are part of
    the texts); null: detected from the file."""

    text: Annotated[str, NAME] = same_content("text")
    """Column of the text."""

    text_pair: str | None = same_content(None)
    """Column of the second text; null for single texts."""

    choices: list[str] | None = same_content(None)
    """Columns of the choices, one for each; or one column with a list in each row. For
    `task=multiple_choice`."""

    label: Annotated[str, NAME] = same_content("label")
    """Column of the label. Labels are kept as written, except that a column of only whole-number
    floats (1.0, 2.0) becomes integers; the training rows decide this."""

    label_separator: Annotated[str | None, NAME] = same_content(None)
    """Text between the labels of a row where a row has several (`|`); null: the column has lists,
    or one label a row. For `task=multilabel`."""

    label_columns: list[str] | None = same_content(None)
    """Columns of 0 and 1, one for each label, instead of `label`. For `task=multilabel`."""

    where: dict[str, str] = same(default_factory=dict)
    """Column to value; only rows that match all are used."""

    validation_fraction: Annotated[float, OPEN_SHARE] = same(0.1)
    """Share of the training rows held out, stratified by label."""

    train_examples: Annotated[int | None, at_least(1)] = same(None)
    """Use only this many rows, drawn stratified; null: all."""

    validation_examples: Annotated[int | None, at_least(1)] = same(None)
    """Use only this many rows, drawn stratified; null: all."""

    seed: Annotated[int, between(0, LARGEST_SEED)] = same(0)
    """Decides only split and subset."""


@dataclass(frozen=True, kw_only=True)
class ConvergenceSettings:
    """Group `convergence`: thresholds of the diagnosis that every trial gets."""

    confidence: Annotated[float, OPEN_SHARE] = same(0.99)
    """Confidence of every test, for a trend or against the baseline (the best guess that ignores
    the text), 0.5 to below 1."""

    window: Annotated[float, OPEN_SHARE] = same(0.34)
    """Last share of the budget, in which trends are measured."""

    diverged_factor: Annotated[float, above(0)] = same(3.0)
    """Multiple of an untrained model's loss above which a training loss has diverged."""

    learning_gain: Annotated[float, SHARE] = same(0.1)
    """Share by which a validation loss has to be below the baseline's to show learning that the
    predictions do not show."""

    memorised_level: Annotated[float, above(0)] = same(0.85)
    """Training loss, as a share of the baseline's, below which the training rows are
    memorised."""

    oscillating_share: Annotated[float, at_least(0)] = same(0.3)
    """Swings of the validation loss beyond noise, added up, as a share of the baseline's loss."""

    overfitting_share: Annotated[float, at_least(0)] = same(0.05)
    """Rise of the validation loss from its minimum, as a share of the baseline's loss."""

    improving_share: Annotated[float, SHARE] = same(0.1)
    """Fall of the validation loss within the window, as a share of its total fall."""

    plateau_level: Annotated[float, above(0)] = same(0.7)
    """Training and validation loss, as a share of the baseline's, above which a trial has
    plateaued."""

    stop_diverged: bool = same(True)
    """Stop a diverged trial; NaN and Inf always stop it."""

    not_learning_patience: Annotated[float | None, SHARE] = same(0.5)
    """Share of the budget after the warm-up at which a trial that does not learn is stopped; null:
    never."""

    converged_patience: Annotated[float | None, SHARE] = same(0.3)
    """Share of the budget without a gain after which a trial ends with its score; null: never."""

    converged_gain: Annotated[float, SHARE] = same(0.05)
    """Most that the rest of the budget may still gain, as a share of the loss's total fall."""

    stop_single_runs: bool = anything(False)
    """Apply both patiences outside a search too: in `tuner train` and in the repeats of
    `sweep.confirm`."""


@dataclass(frozen=True, kw_only=True)
class TrialSettings:
    """Everything that decides one fine-tune; `tuner train FILE.yaml` reads it."""

    model: ModelSettings = field(default_factory=ModelSettings)
    task: Task = same(default_factory=Classification)
    """Kind of prediction, and the task's own fields."""
    data: DataSettings = field(default_factory=DataSettings)
    optimizer: Optimizer = same(default_factory=AdamW)
    """`learning_rate`, `weight_decay`, `layer_decay` and the optimizer's own fields."""

    schedule: Schedule = same(default_factory=Linear)
    """`warmup_fraction` and the schedule's own fields."""

    training: TrainingSettings = field(default_factory=TrainingSettings)
    convergence: ConvergenceSettings = field(default_factory=ConvergenceSettings)

    @property
    def effective_batch_size(self) -> int:
        """Examples in one optimizer update, over all devices."""
        training = self.training
        if training.effective_batch_size is not None:
            return training.effective_batch_size
        # With AUTO it follows from the default batch size.
        batch_size = training.batch_size or TrainingSettings.batch_size
        return batch_size * training.accumulation_steps * training.devices


@dataclass(frozen=True, kw_only=True)
class StorageSettings:
    """Group `storage`: the place of the study."""

    name: Annotated[str, one_of(STORAGES)] = anything("sqlite")
    """`sqlite`, `journal` (a file too, safe on a network file system) or `postgresql`."""

    url: str | None = anything(None)
    """Address of the studies: a SQLAlchemy URL or journal:///FILE; null: a file of kind `name` in
    the study's output folder."""

    heartbeat_interval: Annotated[float, above(0)] = anything(15.0)
    """Seconds between two heartbeats of an agent."""

    heartbeat_timeout: Annotated[float, above(0)] = anything(120.0)
    """Seconds of silence after which other agents take over its trials."""

    retry_timeout: Annotated[float, at_least(0)] = anything(300.0)
    """Seconds that a database may be locked or unreachable before the sweep stops."""


@dataclass(frozen=True, kw_only=True)
class TrackingSettings:
    """Group `tracking`: MLflow."""

    uri: str | None = anything(None)
    """Tracking URI; null: MLFLOW_TRACKING_URI, else MLflow's own default."""

    nested: bool = anything(False)
    """Make trials children of the sweep's run; MLflow shows them collapsed."""

    on_outage: str = anything("fail")
    """Reaction to a store that does not answer at the start: `fail`, or `spool` (start without it,
    and send everything once it answers). A later outage is always spooled."""

    send: bool = anything(True)
    """Send to MLflow; false: only spool everything in the study's folder, for `tuner report` or an
    agent that sends."""

    tensorboard: bool = anything(False)
    """Also write TensorBoard's event files in each trial's folder."""

    plots: bool = anything(True)
    """Log Optuna's plots on the sweep's run while it goes on."""

    log_model: bool = anything(True)
    """Log the best model with signature and input example, at the end and once an hour while the
    sweep runs. It replaces the previous one unless that is registered."""

    register: Annotated[str | None, _REGISTERED_NAME] = anything(None)
    """Name under which the model is registered at the end; null: not registered."""


@dataclass(frozen=True, kw_only=True)
class StopWhen:
    """Condition under which a sweep ends before its total."""

    patience: Annotated[int | None, at_least(1)] = anything(None)
    """Number of last trials, of those that count toward the total; null: no early end."""

    improvement: Annotated[float, at_least(0)] = anything(0.002)
    """Smallest improvement of the best objective over these trials; less ends the sweep."""


@dataclass(frozen=True, kw_only=True)
class ConfirmSettings:
    """Confirmation: leading configurations trained again with new seeds after the search."""

    top: Annotated[int | None, between(1, 1_000)] = anything(None)
    """Number of leading configurations, trained after the search and its timeout; null: none."""

    seeds: Annotated[int, between(2, 1_000)] = anything(5)
    """Number of new seeds for each; they follow the search's training.seed."""


@dataclass(frozen=True, kw_only=True)
class SoupSettings:
    """Soup: average of the weights of the leading models; see docs/soups.md."""

    enabled: bool = anything(False)
    """Build a soup after the search, and publish it if it is not worse than the best model."""

    keep: Annotated[int, between(2, 1_000)] = anything(8)
    """Number of leading models whose weights are kept for it on the disk."""

    retain: bool = anything(True)
    """Keep these weights after the sweep, so that a longer one uses them, until `tuner clean`."""


@dataclass(frozen=True, kw_only=True)
class SweepSettings:
    """Group `sweep`, one file of sweeps/ each: search space, budget and objectives."""

    name: str = naming(MISSING)
    """Name of the sweep; also of the study, unless `study` is set."""

    objectives: list[str] | None = same(None)
    """Metric names; each metric has a fixed direction; null: the task's first score. With several,
    the Pareto front is kept; see `export.pick`."""

    constraints: dict[str, str] = same(default_factory=dict)
    """Metric to bound, for example `{peak_memory_bytes: "<= 20e9"}`; a trial that misses one is
    never the best."""

    n_trials: Annotated[int, at_least(1)] = anything(20)
    """The study's total, completed and pruned, not an addition."""

    timeout: Annotated[float | None, above(0)] = anything(None)
    """Seconds after which no new trial starts; null: none."""

    max_failures: Annotated[int, at_least(1)] = anything(5)
    """Failed trials in a row, whatever their causes, that stop an agent. A trial that is tried
    again has not failed yet; infeasible and pruned trials are results. Each start counts from
    0."""

    stop_when: StopWhen = field(default_factory=StopWhen)
    """Condition under which the sweep ends before its total."""

    confirm: ConfirmSettings = field(default_factory=ConfirmSettings)
    """Repeats of the leading configurations, so that the best is not merely the luckiest."""

    soup: SoupSettings = field(default_factory=SoupSettings)
    """Average of the leading models' weights; `true` and `false` switch it on and off."""

    start_from: list[str] = anything(default_factory=list)
    """Configurations to try first, after the untuned default: files (best.yaml of another sweep),
    and names of studies, whose best three are used. Keys or values that the space does not have
    are left to the sampler."""

    literature: bool = anything(True)
    """Begin with configurations from the paper of the model's family, for at most a quarter of the
    trials; see docs/search.md."""

    dry_run: bool = anything(False)
    """Show the space, the first trials, memory and the expected time from a few timed updates;
    nothing is left behind."""

    overrides: list[str] = anything(default_factory=list)
    """Overrides that apply to every trial of the sweep."""

    space: dict[str, Any] = same(default_factory=dict)
    """Key to dimension, in Hydra's sweep grammar; see docs/search-spaces.md."""


@dataclass(frozen=True, kw_only=True)
class AgentSettings:
    """Settings of the agent itself; none of them changes a trial."""

    sweep: SweepSettings = field(default_factory=SweepSettings)
    study: str | None = naming(None)
    """The study's name; null: the sweep's."""

    output: Annotated[str, NAME] = naming("outputs")
    """Folder of all studies."""

    sampler: dict[str, Any] = anything(default_factory=dict)
    """`name` and the sampler's own fields."""

    pruner: dict[str, Any] = anything(default_factory=dict)
    """`name` and the pruner's own fields."""

    launcher: LauncherSettings = anything(default_factory=default_launcher)
    """`slots`, `max_attempts` and the launcher's own fields."""

    storage: StorageSettings = field(default_factory=StorageSettings)
    tracking: TrackingSettings = field(default_factory=TrackingSettings)

    @property
    def study_name(self) -> str:
        """Name of the study, of its folder and of its MLflow experiment."""
        return self.study or self.sweep.name


def between_starts() -> dict[str, BetweenStarts]:
    """Return every key of a sweep's configuration, and whether a later start may change it.

    Raises:
        TypeError: Nobody has decided for some key.
    """
    found = dict((*declared(TrialSettings), *declared(AgentSettings)))
    decided = {key: decision for key, decision in found.items() if decision is not None}
    if open_keys := found.keys() - decided.keys():
        raise TypeError(f"declare with same, same_content or anything: {sorted(open_keys)}")
    return decided
