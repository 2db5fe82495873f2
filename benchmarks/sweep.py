"""A whole sweep, ours against its peers, in turns: wall time, efficiency, best score, memory.

    python benchmarks/sweep.py --torch-python A --ray-python B --keras-python C

The same for all: the default encoder, the same film reviews to train on and to score on (written
once, as texts), the space of `sweeps/lr_search.yaml`, trials, epochs, batch, AdamW's weight decay,
clipping, seeds and cores. Each side is a process of its own in a fresh folder and has the machine
to itself; it imports, tokenises and builds by its own means, and all of that counts. Each is used
as its own documentation shows it, with the pruning that this recommends:

- `ours`: `tuner sweep=lr_search` with its defaults: tracking in MLflow, the kept best model and
  the plots are part of its time, and no peer makes them. Its first trial is the untuned default.
- `trainer`: `Trainer.hyperparameter_search` of transformers with Optuna, with TPE and MedianPruner
  as by default: one trial at a time with all cores, rows padded by batch, all scoring rows
  evaluated at `--points` points, so that there is something to prune by.
- `ray`: Ray Tune over the same Trainer, ASHA with Ray's defaults on the same points, random draws;
  a trial of one thread on each core, in processes that are used again.
- `process`: a fresh `tuner train` for each trial, as Hydra's launchers start them: Optuna's TPE in
  batches of one for each core, as hydra-optuna-sweeper asks for them, each process on a core of
  its own, one evaluation at the end, nothing pruned or ended early. It trains by our own kernels,
  so it shows what warm workers and pruning gain by themselves.
- `keras`: KerasTuner's BayesianOptimization over the BertTextClassifier of keras-hub, rows padded
  to the full length, one evaluation an epoch. It prunes nothing: its Hyperband needs many epochs.

TPE draws its first ten trials at random, so in short sweeps the searches differ by luck: a score
is the accuracy of a side's best trial over all scoring rows, and the standard error of one such
accuracy stands below the table. Efficiency is seconds of training and evaluation, summed over
trials, by trials at a time and wall seconds; for Keras, tracing is among them. Memory is the
largest sum of resident memory over a side's processes; pages that they share count for each.

Every environment is made by `python3 -m venv`; a side that lacks something is left out, with what
to install.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from default_trial import default_trial
from sweep_figures import verdict
from sweep_task import Result, Task, read_result, write_rows
from turns import here, spread

from tuner.checkpoints import locate
from tuner.config import compose_sweep
from tuner.data.examples import to_examples
from tuner.data.source import find_sources
from tuner.data.split import Purpose, stratified_order
from tuner.devices.host import usable_cores
from tuner.errors import InputError
from tuner.search.space import Choice, FloatInterval
from tuner.settings.settings import DataSettings
from tuner.tasks import Classification

OURS = "ours"
LOOK_SECONDS = 0.25
"""Time from one look at the memory to the next."""

LOG = "side.log"

LOOK = """
import sys, importlib.util
print(*(name for name in sys.argv[1:] if importlib.util.find_spec(name) is None))
"""
"""Prints which modules a Python does not have."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """A side of the comparison, and its requirements.

    Attributes:
        name: Its script is `sweep_NAME.py`.
        python: Interpreter that runs it; None: not given.
        modules: Modules that its Python must have.
        packages: Packages that provide them.
    """

    name: str
    python: str | None
    modules: tuple[str, ...] = ()
    packages: str = ""

    def lacking(self) -> str:
        """Reason why it cannot run; empty if it can."""
        if self.python is None:
            return "no Python is given for it"
        found = subprocess.run(
            [self.python, "-c", LOOK, *self.modules], capture_output=True, text=True, check=True
        )
        return found.stdout.strip() and f"{self.python} has no {found.stdout.strip()}"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One side's sweep.

    Attributes:
        wall: Seconds from the command to its end.
        memory: Bytes, at most at one time.
        result: Result of the side.
    """

    wall: float
    memory: int
    result: Result

    @property
    def efficiency(self) -> float:
        """Share of the slots' time that trials spent in training and evaluation."""
        return self.result.busy / (self.result.slots * self.wall)


def sides(given: argparse.Namespace) -> list[Side]:
    """All that there are."""
    torch = "torch==2.13.0 transformers accelerate"
    keras = "'keras-tuner[bayesian]' keras-hub safetensors tensorboard 'tensorflow==2.21.*'"
    return [
        Side(name=OURS, python=sys.executable),
        Side(
            name="trainer",
            python=given.torch_python,
            modules=("torch", "transformers", "accelerate", "optuna"),
            packages=f"{torch} optuna",
        ),
        Side(
            name="ray",
            python=given.ray_python,
            modules=("torch", "transformers", "accelerate", "ray"),
            packages=f"{torch} 'ray[tune]'",
        ),
        Side(name="process", python=sys.executable),
        Side(
            name="keras",
            python=given.keras_python,
            modules=("keras_tuner", "scipy", "keras_hub", "safetensors", "tensorboard"),
            packages=keras,
        ),
    ]


def able_of(wanted: Sequence[Side]) -> list[Side]:
    """Those that can run; says of the others what they lack."""
    lacking = {side.name: side.lacking() for side in wanted}
    for side in wanted:
        if lacking[side.name]:
            print(
                f"{side.name} is left out: {lacking[side.name]}; "
                f"{side.python} -m pip install {side.packages}"
            )
    return [side for side in wanted if not lacking[side.name]]


def make_task(given: argparse.Namespace, folder: Path) -> Task:
    """Writes the rows of all sides; says what they have to do."""
    base = default_trial()
    write_data(base.data, {"validation": given.validation_rows, "train": given.rows}, folder)
    return Task(
        checkpoint=str(locate(base.model)),
        train=str(folder / "train.csv"),
        validation=str(folder / "validation.csv"),
        rows=given.rows,
        max_length=base.model.max_length,
        trials=given.trials,
        epochs=given.epochs,
        points=given.points,
        batch=base.training.batch_size,
        weight_decay=base.optimizer.weight_decay,
        clip_norm=base.training.clip_norm,
        seed=1,
        cores=given.cores,
        **searched(),
    )


def write_data(data: DataSettings, counts: Mapping[str, int], folder: Path) -> None:
    """Writes a file `NAME.csv` of so many rows for each name, no row twice.

    Raises:
        InputError: There are not so many rows.
    """
    examples = to_examples(find_sources(data)[0].read(), data, Classification())
    if sum(counts.values()) > len(examples):
        raise InputError(
            f"there are {len(examples)} reviews",
            where="--rows and --validation-rows",
            remedy="together no more than that",
        )
    order = iter(stratified_order(examples.labels, data.seed, Purpose.SPLIT).tolist())
    for name, count in counts.items():
        taken = examples.take(list(islice(order, count)))
        write_rows(folder / f"{name}.csv", list(taken.texts), list(taken.labels))


def searched() -> dict[str, Any]:
    """The space of `sweeps/lr_search.yaml`, as fields of a task.

    Raises:
        TypeError: It is no longer the space that the peers' scripts search.
    """
    space = compose_sweep(["sweep=lr_search"], Path(__file__).parents[1]).space
    match {dimension.key: dimension.domain for dimension in space.dimensions}:
        case {
            "optimizer.learning_rate": FloatInterval(low=lowest, high=highest, log=True),
            "schedule": Choice(values=schedules),
            "schedule.warmup_fraction": FloatInterval(low=least, high=most, log=False),
            **others,
        } if not others:
            return {
                "learning_rate": (lowest, highest),
                "schedules": schedules,
                "warmup_fraction": (least, most),
            }
    raise TypeError("sweeps/lr_search.yaml has changed, and the peers' scripts have not")


def measure(side: Side, task: Task, folder: Path) -> Measured | None:
    """Runs a side's sweep; None if it failed, of which its log tells.

    Args:
        side: Side to run.
        task: Task to run.
        folder: Made; it runs there.
    """
    folder.mkdir(parents=True)
    task.write(folder)
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    with (folder / LOG).open("w") as log:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [str(side.python), here(f"sweep_{side.name}.py")],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        code, memory = watch(process)
        wall = time.perf_counter() - begun
    if code:
        tail = (folder / LOG).read_text(encoding="utf-8", errors="replace")[-2000:]
        print(f"{side.name} ended with {code}:\n{tail}", file=sys.stderr)
        return None
    return Measured(wall=wall, memory=memory, result=read_result(folder))


def watch(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    """Waits for a process.

    Returns:
        Its exit status, and the most bytes that it and all below it had resident at one time.
    """
    most = 0
    while True:
        try:
            return process.wait(LOOK_SECONDS), most
        except subprocess.TimeoutExpired:
            root = psutil.Process(process.pid)
            most = max(most, sum(map(resident, [root, *root.children(recursive=True)])))


def resident(process: psutil.Process) -> int:
    """Bytes of resident memory of one process; 0 of one that is gone."""
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def run_in_turns(
    chosen: Sequence[Side], task: Task, rounds: int, folder: Path
) -> dict[str, list[Measured]]:
    """Runs every side once a round; a side that fails takes no further part."""
    taken: dict[str, list[Measured]] = {side.name: [] for side in chosen}
    for number in range(1, rounds + 1):
        for side in [each for each in chosen if each.name in taken]:
            place = folder / f"round-{number}" / side.name
            measured = measure(side, replace(task, seed=number), place)
            if measured is None:
                del taken[side.name]
                continue
            taken[side.name].append(measured)
            result = measured.result
            print(
                f"round {number}: {side.name} {measured.wall:.1f} s, {result.score:.4f} "
                f"by {dict(result.best)}",
                file=sys.stderr,
                flush=True,
            )
    return taken


def show(taken: dict[str, list[Measured]], task: Task, scored: int) -> None:
    """Prints the table, and whether the goal is met."""
    print(
        "\n| | wall s | ours takes of it | efficiency | best score | memory GB | not pruned |\n"
        "|---|---|---|---|---|---|---|"
    )
    for name, runs in taken.items():
        ratios = [
            own.wall / other.wall for own, other in zip(taken.get(OURS, []), runs, strict=False)
        ]
        cells = [
            name,
            spread([run.wall for run in runs], 1),
            spread(ratios) if ratios and name != OURS else "",
            spread([run.efficiency for run in runs]),
            spread([run.result.score for run in runs], 4),
            spread([run.memory / 1e9 for run in runs]),
            f"{median(run.result.complete for run in runs):g} of {task.trials}",
        ]
        print(f"| {' | '.join(cells)} |")
    if OURS in taken and len(taken) > 1:
        walls = {name: [run.wall for run in runs] for name, runs in taken.items()}
        scores = {name: [run.result.score for run in runs] for name, runs in taken.items()}
        print(f"\n{verdict(walls, scores, ours=OURS, rows=scored)}")


def main() -> None:
    """Runs all sides in turns."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--rows", type=int, default=1600, help="examples to train on")
    parser.add_argument("--validation-rows", type=int, default=600, help="examples that score")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--points", type=int, default=4, help="evaluations by trainer and ray")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=usable_cores())
    parser.add_argument("--torch-python", help="runs trainer")
    parser.add_argument("--ray-python", help="runs ray")
    parser.add_argument("--keras-python", help="runs keras")
    parser.add_argument("--sides", default="ours,trainer,ray,process,keras")
    parser.add_argument("--folder", help="keeps what the sides leave; must not exist")
    given = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given.cores])
    able = able_of([side for side in sides(given) if side.name in given.sides.split(",")])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(given.folder or temporary).absolute()
        folder.mkdir(parents=True, exist_ok=given.folder is None)
        task = make_task(given, folder)
        taken = run_in_turns(able, task, given.rounds, folder)
    print(
        f"{given.rounds} rounds, {given.trials} trials of {given.epochs} epochs over {given.rows} "
        f"rows, scored on {given.validation_rows}, {given.cores} cores"
    )
    show(taken, task, given.validation_rows)


if __name__ == "__main__":
    main()
