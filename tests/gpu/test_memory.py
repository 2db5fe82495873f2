"""A GPU that runs out of memory, because somebody else has nearly all of it."""

import csv
from dataclasses import replace

import pytest

from tests.bench import Bench
from tests.gpu.workers import nearly_full, slots
from tests.records import settings
from tests.tiny_checkpoints import write_checkpoint
from tuner.launchers.local import WORKER, LocalLauncher
from tuner.settings.settings import DataSettings, ModelSettings
from tuner.trial.records import TrialError, TrialState
from tuner.worker.cuda import free_gpu_memory

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.tf,
    pytest.mark.timeout(1200),
    pytest.mark.usefixtures("real"),
]

ROOM = 4 * 10**9
"""Bytes that are left to a worker, its CUDA context and libraries among them."""

NARROW = 10**8
"""Bytes in which no model below finds room for its weights."""

NEAR = 2 * 10**8
"""Bytes that a failed trial may leave behind in its worker: the kept model, and not its batches,
which take fifty times as much."""

ROWS, LENGTH = 512, 256
LARGE = {
    "training": {"batch_size": ROWS, "evaluation_batch_size": 8},
    "evaluation": {"batch_size": 64, "evaluation_batch_size": 4 * ROWS},
}
"""Stage that does not fit, and the batch size that has to become smaller."""


@pytest.fixture
def base(tmp_path):
    """A model whose activations at the full batch take several times the room."""
    checkpoint = write_checkpoint(tmp_path / "bert", hidden=512, heads=8, positions=LENGTH)
    words = " ".join(["wonderful"] * LENGTH), " ".join(["awful"] * LENGTH)
    for name, rows in (("train", ROWS), ("validation", 4 * ROWS)):
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            labelled = [(words[n % 2], str(n % 2)) for n in range(rows)]
            csv.writer(file).writerows([("text", "label"), *labelled])
    return replace(
        settings(evaluations=1, epochs=1.0),
        model=ModelSettings(checkpoint=str(checkpoint), max_length=LENGTH),
        data=DataSettings(
            format="csv",
            train=str(tmp_path / "train.csv"),
            validation=str(tmp_path / "validation.csv"),
        ),
    )


def test_the_driver_tells_what_is_left(gpus):
    with nearly_full(gpus[0], ROOM):
        assert abs(free_gpu_memory() - ROOM) < 10**9  # This process's own context among it.


@pytest.mark.parametrize("part", LARGE)
def test_what_does_not_fit_is_cut_and_the_trial_completes(part, base, tmp_path, mlflow_uri, gpus):
    asked = replace(base.training, **LARGE[part])
    bench = Bench(tmp_path / "outputs", mlflow_uri)
    with nearly_full(gpus[0], ROOM):
        outcomes = bench.run(
            base=replace(base, training=asked),
            command=WORKER,
            launcher=lambda _, command: LocalLauncher(slots(gpus[:1]), command),
            trials=2,
        )
    assert [outcome.state for outcome in outcomes] == [TrialState.COMPLETE] * 2
    first, second = outcomes
    assert first.attempt > 1
    assert second.attempt == 1  # the limit is known
    for spec, _ in bench.finished:
        assert spec.settings.training.evaluation_batch_size < asked.evaluation_batch_size
        assert spec.settings.effective_batch_size == asked.batch_size


@pytest.mark.parametrize(("part", "left"), [("build", NARROW), *((part, ROOM) for part in LARGE)])
def test_a_trial_that_does_not_fit_fails_and_its_worker_goes_on_with_its_memory(
    part, left, workers, make_settings, base, tmp_path, gpus
):
    small = make_settings()
    before = workers.run(small)[-1].peak_memory_bytes
    large = replace(base, training=replace(base.training, **LARGE.get(part, {})))
    if part == "build":
        wide = write_checkpoint(
            tmp_path / "wide", hidden=1024, heads=16, layers=4, positions=LENGTH, vocab=50_000
        )
        large = replace(base, model=replace(base.model, checkpoint=str(wide)))
    with nearly_full(gpus[0], left):
        error = workers.run(large)
    assert isinstance(error, TrialError)
    assert error.kind == "out_of_memory"
    assert workers.started == (part != "build")
    assert ("in _evaluate" in error.traceback) == (part == "evaluation")
    after = workers.run(small)[-1].peak_memory_bytes
    assert after < before + NEAR
