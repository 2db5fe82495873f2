"""The typed configuration, group by group: what Hydra fills in and what a trial is made of.

Every class is one configuration group of conf/; every attribute is a key that users may set. The
groups `optimizer`, `schedule`, `sampler` and `pruner` are open: each of their files brings fields
of its own, so they arrive as plain mappings whose `name` says what they are.
"""

from dataclasses import dataclass, field
from typing import Any

from tuner.settings.between_starts import (
    BetweenStarts,
    anything,
    declared,
    naming,
    same,
    same_content,
)
from tuner.settings.training_settings import TrainingSettings

MISSING = "???"
"""What Hydra calls a mandatory value that nobody has given yet."""


@dataclass(frozen=True, kw_only=True)
class PackagedFiles:
    """Files that an installed Python package carries; none of its code is imported.

    Attributes:
        name: Import name of the package.
        path: Folder or file inside it.
        sha256: Hash of the file, or of `model.safetensors` in the folder; null: not checked.
        stands_for: Hub id whose files these are: another `model.checkpoint` is never taken from
            the package; null: any.
    """

    name: str = same_content(MISSING)
    path: str = same_content(MISSING)
    sha256: str | None = same_content(None)
    stands_for: str | None = same_content(None)


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """Group `model`: the encoder that is fine-tuned.

    Attributes:
        checkpoint: Hugging Face hub id, or a local folder in Hugging Face format.
        revision: Branch, tag or commit of the hub id; null: the default branch.
        package: Package that carries the same files, looked at before the hub.
        max_length: Tokens; longer texts are truncated, and the share truncated is reported.
        dropout: Rate of the dropout in encoder and head, 0 to below 1.
    """

    checkpoint: str = same_content(MISSING)
    revision: str | None = same_content(None)
    package: PackagedFiles | None = None
    max_length: int = same(128)
    dropout: float = same(0.1)


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Group `data`: labelled texts or text pairs.

    Attributes:
        format: `csv`, `json` (array or lines), `parquet`, `hub` (Hugging Face datasets) or `tfds`.
        package: Package that carries the training file; then `train` stays null.
        train: Training file; for `hub` and `tfds` the split's name.
        validation: Validation file or split; null: `validation_fraction` of the training rows.
        test: Test file or split, scored once, at the very end, for the confirmed best alone (see
            `sweep.confirm`); null: none.
        name: Data set id for `hub` and `tfds`.
        config: Configuration (subset) of a `hub` data set.
        revision: Branch, tag or commit of a `hub` data set.
        delimiter: Character between the columns of a `csv` file, or comma, tab, semicolon, pipe
            or space; null: found out from the file.
        quoting: What quote marks mean in a `csv` file: `double` (they enclose texts, and are
            written twice inside), `backslash` (one stands before those inside) or `none` (they are
            part of the texts); null: found out from the file.
        text: Column of the text.
        text_pair: Column of the second text; null for single texts.
        label: Column of the label. Labels stay as they are written; a column of whole-number
            floats alone (1.0, 2.0) becomes integers, as the training rows decide.
        where: Column to value: only rows that match them all.
        validation_fraction: Share of the training rows held out, stratified by label.
        train_examples: Use only so many, drawn stratified; null for all.
        validation_examples: Use only so many, drawn stratified; null for all.
        seed: Decides split and subset alone.
    """

    format: str = same_content(MISSING)
    package: PackagedFiles | None = None
    train: str | None = same_content(None)
    validation: str | None = same_content(None)
    test: str | None = anything(None)
    name: str | None = same_content(None)
    config: str | None = same_content(None)
    revision: str | None = same_content(None)
    delimiter: str | None = same_content(None)
    quoting: str | None = same_content(None)
    text: str = same_content("text")
    text_pair: str | None = same_content(None)
    label: str = same_content("label")
    where: dict[str, str] = same(default_factory=dict)
    validation_fraction: float = same(0.1)
    train_examples: int | None = same(None)
    validation_examples: int | None = same(None)
    seed: int = same(0)


@dataclass(frozen=True, kw_only=True)
class ConvergenceSettings:
    """Group `convergence`: thresholds of the reading that every trial gets.

    Attributes:
        confidence: Of every test for a trend or against the constant guess, 0.5 to below 1.
        window: Share of the budget at the end by which a trend is judged.
        diverged_factor: Training loss above so many times an untrained model's is blown up.
        learning_gain: Share by which a validation loss must be below the constant guess's to
            show learning that the predictions hide.
        memorised_level: Training loss, as a share of the constant guess's, below which the
            training rows are known.
        oscillating_share: Swings of the validation loss beyond noise, summed up, as a share of
            the constant guess's loss.
        overfitting_share: Rise of the validation loss from its lowest, as a share of the constant
            guess's loss.
        improving_share: Fall of the validation loss within the window as a share of its whole
            fall.
        plateau_level: Training and validation loss, as a share of the constant guess's, above
            which most is not learned.
        stop_diverged: Stop a trial whose loss blew up; NaN and Inf always end one.
        not_learning_patience: Share of the budget after the warm-up at which a trial is stopped
            that is shown not to be learning; null: never.
        converged_patience: Share of the budget without any gain after which a trial is ended
            with its score; null: never.
        converged_gain: What the rest of the budget may still bring then, as a share of the whole
            fall of the loss.
        stop_single_runs: Apply both patiences outside a search too: in `tuner train` and in the
            repeats of `sweep.confirm`.
    """

    confidence: float = same(0.99)
    window: float = same(0.34)
    diverged_factor: float = same(3.0)
    learning_gain: float = same(0.1)
    memorised_level: float = same(0.85)
    oscillating_share: float = same(0.3)
    overfitting_share: float = same(0.05)
    improving_share: float = same(0.1)
    plateau_level: float = same(0.7)
    stop_diverged: bool = same(True)
    not_learning_patience: float | None = same(0.5)
    converged_patience: float | None = same(0.3)
    converged_gain: float = same(0.05)
    stop_single_runs: bool = anything(False)


@dataclass(frozen=True, kw_only=True)
class TrialSettings:
    """All that decides one fine-tune; what `tuner train FILE.yaml` reads.

    Attributes:
        optimizer: `name`, `learning_rate`, `weight_decay`, `layer_decay` and the optimizer's own
            fields.
        schedule: `name`, `warmup_fraction` and the schedule's own fields.
    """

    model: ModelSettings = field(default_factory=ModelSettings)
    data: DataSettings = field(default_factory=DataSettings)
    optimizer: dict[str, Any] = same(default_factory=dict)
    schedule: dict[str, Any] = same(default_factory=dict)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    convergence: ConvergenceSettings = field(default_factory=ConvergenceSettings)

    @property
    def effective_batch_size(self) -> int:
        """Examples that one optimizer update is made of, over all devices."""
        training = self.training
        if training.effective_batch_size is not None:
            return training.effective_batch_size
        # Of AUTO it is what the default batch size gives.
        batch_size = training.batch_size or TrainingSettings.batch_size
        return batch_size * training.accumulation_steps * training.devices


@dataclass(frozen=True, kw_only=True)
class LauncherSettings:
    """Group `launcher`: where workers run.

    Attributes:
        name: `local`, `debug`, `ray` or `slurm`.
        slots: Trials at a time on this machine, on each node of Slurm, or in the whole Ray
            cluster; null: one per visible GPU, or per `training.devices` of them, or as many CPU
            slots as run fastest; with Ray as many as its nodes have room for.
        trials_per_gpu: Trials at a time on each GPU, which they share evenly; for small models.
        stop_timeout: Seconds that a worker has for ending before it is killed.
        stall_timeout: Seconds without a word from a running trial after which its worker is
            killed and replaced; null: never.
        max_attempts: Tries at a trial whose worker dies; halving the batch after running out of
            memory does not count.
        trials_per_worker: A worker is replaced after so many trials; null: when its memory grows.
        address: Of the Ray cluster: `HOST:PORT` or `ray://HOST:PORT`; `local`: a Ray of this
            machine alone, which stops with the command; `auto`: RAY_ADDRESS, else the cluster that
            `ray start` made this machine a node of, else `local`; null: RAY_ADDRESS, else `local`.
        cpus_per_trial: CPU cores that Ray keeps for each worker; as many threads compute.
        agents: Jobs of Slurm that run trials, each on a node of its own.
        partition: Of Slurm; null: the cluster's default.
        account: Of Slurm that is charged; null: the user's default.
        constraint: Features that Slurm's nodes must have, as in `sbatch --constraint`.
        gpus_per_node: GPUs of each agent; null: none are asked for.
        cpus_per_node: CPU cores of each agent.
        memory: Of each agent, as in `sbatch --mem` (`64G`); null: the cluster's default.
        time_limit: Minutes of each agent's job; what runs then is saved, and goes on in the next.
        options: Other options of sbatch by name (`{reservation: mine, qos: high}`).
        setup: Shell commands that each job runs first, as `module load cuda`.
        dry_run: Print the batch script and submit nothing.
    """

    name: str = anything("local")
    slots: int | None = anything(None)
    trials_per_gpu: int = anything(1)
    stop_timeout: float = anything(10.0)
    stall_timeout: float | None = anything(600.0)
    max_attempts: int = anything(3)
    trials_per_worker: int | None = anything(None)
    address: str | None = anything(None)
    cpus_per_trial: int = anything(1)
    agents: int = anything(1)
    partition: str | None = anything(None)
    account: str | None = anything(None)
    constraint: str | None = anything(None)
    gpus_per_node: int | None = anything(None)
    cpus_per_node: int = anything(1)
    memory: str | None = anything(None)
    time_limit: int = anything(60)
    options: dict[str, Any] = anything(default_factory=dict)
    setup: list[str] = anything(default_factory=list)
    dry_run: bool = anything(False)


@dataclass(frozen=True, kw_only=True)
class StorageSettings:
    """Group `storage`: where the study lives.

    Attributes:
        name: `sqlite`, `journal` (a file too, safe on a network file system) or `postgresql`.
        url: Address of the studies: a SQLAlchemy URL, or journal:///FILE; null: a file of the
            kind that `name` says in the study's output folder.
        heartbeat_interval: Seconds between two signs of life of an agent for its trials.
        heartbeat_timeout: Seconds without one after which its trials go to other agents.
        retry_timeout: Seconds that a database may be locked or away before the sweep stops.
    """

    name: str = anything("sqlite")
    url: str | None = anything(None)
    heartbeat_interval: float = anything(15.0)
    heartbeat_timeout: float = anything(120.0)
    retry_timeout: float = anything(300.0)


@dataclass(frozen=True, kw_only=True)
class TrackingSettings:
    """Group `tracking`: MLflow.

    Attributes:
        uri: Tracking URI; null: MLFLOW_TRACKING_URI, else MLflow's own default.
        nested: Make trials children of the sweep's run, which MLflow shows collapsed.
        on_outage: What a start does when the store does not answer: `fail`, or `spool` (start
            without it, and send everything once it is there). An outage later is always spooled.
        send: Send to MLflow; false: everything is only spooled in the study's folder, for
            `tuner report` or an agent that sends.
        tensorboard: Write TensorBoard's event files, too, in each trial's folder.
        plots: Draw Optuna's plots of the study on the sweep's run, as it goes on.
        log_model: Log the best model, with signature and input example: at the end, and once an
            hour while the sweep runs. It replaces the one before it, unless that is registered.
        register: Name under which the sweep's end registers it; null: under none.
    """

    uri: str | None = anything(None)
    nested: bool = anything(False)
    on_outage: str = anything("fail")
    send: bool = anything(True)
    tensorboard: bool = anything(False)
    plots: bool = anything(True)
    log_model: bool = anything(True)
    register: str | None = anything(None)


@dataclass(frozen=True, kw_only=True)
class StopWhen:
    """When more trials are not worth their time.

    Attributes:
        patience: Trials that count toward the total; null: the sweep goes on to its total.
        improvement: Of the best objective over so many trials; less ends the sweep.
    """

    patience: int | None = anything(None)
    improvement: float = anything(0.002)


@dataclass(frozen=True, kw_only=True)
class ConfirmSettings:
    """How the leading configurations are trained again after the search, with new seeds.

    Attributes:
        top: So many of the best are trained again after the search, beyond its timeout; null:
            none.
        seeds: So many new seeds for each of them; they count on from the search's training.seed.
    """

    top: int | None = anything(None)
    seeds: int = anything(5)


@dataclass(frozen=True, kw_only=True)
class SweepSettings:
    """Group `sweep`, one file of sweeps/ each: what is searched, for how long, for what.

    Attributes:
        name: The sweep's name; also the study's, unless `study` says otherwise.
        objectives: Metric names; the direction belongs to the metric. Of several the trials are
            kept that no other one beats in all; see `export.pick`.
        constraints: Metric to bound, as `{peak_memory_bytes: "<= 20e9"}`; a trial that misses one
            is never the best.
        n_trials: The study's total, completed and pruned, not an addition.
        timeout: Seconds after which no new trial starts; null: none.
        max_failures: Number of failed trials in a row, whatever their causes, that stop an
            agent. A trial that is tried again has not failed yet; infeasible and pruned trials
            are results. Each start counts from 0.
        stop_when: When the sweep ends before its total.
        confirm: Which configurations are trained again, so that the best is not the luckiest.
        start_from: Tried first, after the untuned default: configurations as files (best.yaml of
            another sweep), and studies by name, of which the best three are taken. Keys or values
            that the space does not have are left to the sampler.
        literature: Begin with what papers fine-tuned the model's family with, a quarter of the
            trials at most; see docs/search.md.
        dry_run: Show the space, the first trials, the memory and the time that the sweep will
            take, from a few timed updates; nothing is left behind.
        overrides: Plain overrides that hold for every trial of the sweep.
        space: Key to dimension, in Hydra's sweep grammar; see docs/search-spaces.md.
    """

    name: str = naming(MISSING)
    objectives: list[str] = same(default_factory=lambda: ["val_accuracy"])
    constraints: dict[str, str] = same(default_factory=dict)
    n_trials: int = anything(20)
    timeout: float | None = anything(None)
    max_failures: int = anything(5)
    stop_when: StopWhen = field(default_factory=StopWhen)
    confirm: ConfirmSettings = field(default_factory=ConfirmSettings)
    start_from: list[str] = anything(default_factory=list)
    literature: bool = anything(True)
    dry_run: bool = anything(False)
    overrides: list[str] = anything(default_factory=list)
    space: dict[str, Any] = same(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AgentSettings:
    """What the agent itself reads; nothing in here changes a trial.

    Attributes:
        study: The study's name; null: the sweep's.
        output: Folder of all studies.
        sampler: `name` and the sampler's own fields.
        pruner: `name` and the pruner's own fields.
    """

    sweep: SweepSettings = field(default_factory=SweepSettings)
    study: str | None = naming(None)
    output: str = naming("outputs")
    sampler: dict[str, Any] = anything(default_factory=dict)
    pruner: dict[str, Any] = anything(default_factory=dict)
    launcher: LauncherSettings = field(default_factory=LauncherSettings)
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
