"""Real workers under a real limit of memory: what does not fit is cut until it does."""

import csv
import resource
from dataclasses import replace

import psutil
import pytest

from tests.bench import Bench
from tests.records import settings
from tests.tiny_checkpoints import write_checkpoint
from tuner.launchers.local import WORKER, LocalLauncher
from tuner.settings.settings import DataSettings, ModelSettings
from tuner.trial.records import TrialState
from tuner.worker.protocol import Ready

pytestmark = [pytest.mark.slow, pytest.mark.tf, pytest.mark.timeout(1200)]

ROOM = 400 * 2**20
"""Bytes beyond what a worker has reserved when it is ready."""

ROWS, LENGTH = 256, 128
CUT = {
    "training": {"batch_size": ROWS, "evaluation_batch_size": 8},
    "evaluation": {"batch_size": 8, "evaluation_batch_size": 2 * ROWS},
}
"""Stage that does not fit, and the batch size that has to become smaller."""


class LimitedLauncher(LocalLauncher):
    """Limits the address space of each worker as soon as its libraries are imported."""

    def poll(self, timeout):
        events = super().poll(timeout)
        for event in events:
            if isinstance(event.message, Ready):
                process = psutil.Process(self._workers[event.slot].process.pid)
                limit = process.memory_info().vms + ROOM
                process.rlimit(resource.RLIMIT_AS, (limit, limit))
        return events


@pytest.fixture(params=CUT)
def base(request, tmp_path):
    """A model whose activations at the full batch take more than there is room for."""
    checkpoint = write_checkpoint(tmp_path / "bert", hidden=64, heads=4, positions=LENGTH)
    words = " ".join(["wonderful"] * LENGTH), " ".join(["awful"] * LENGTH)
    for name, rows in (("train", ROWS), ("validation", 2 * ROWS)):
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            labelled = [(words[n % 2], str(n % 2)) for n in range(rows)]
            csv.writer(file).writerows([("text", "label"), *labelled])
    return replace(
        settings(evaluations=1, epochs=1.0, **CUT[request.param]),
        model=ModelSettings(checkpoint=str(checkpoint), max_length=LENGTH),
        data=DataSettings(
            format="csv",
            train=str(tmp_path / "train.csv"),
            validation=str(tmp_path / "validation.csv"),
        ),
    )


def test_what_does_not_fit_is_cut_and_the_trial_completes(tmp_path, mlflow_uri, base):
    bench = Bench(tmp_path / "outputs", mlflow_uri)
    outcomes = bench.run(base=base, command=WORKER, launcher=LimitedLauncher, trials=2)
    assert [outcome.state for outcome in outcomes] == [TrialState.COMPLETE] * 2
    first, second = outcomes
    assert first.attempt > 1
    assert second.attempt == 1  # the limit is known
    asked = base.training
    for spec, _ in bench.finished:
        ran = spec.settings.training
        assert ran.batch_size < asked.batch_size
        assert ran.evaluation_batch_size < asked.evaluation_batch_size
        assert spec.settings.effective_batch_size == asked.batch_size
    assert {trial.state.name for trial in bench.optuna_trials()} == {"COMPLETE"}
    assert any(
        f"effective batch {asked.batch_size} as before" in text for text in bench.watch.notices
    )
