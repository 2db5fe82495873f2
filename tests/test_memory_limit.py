"""Real workers under a real limit of memory: what does not fit is cut until it does."""

import csv
import resource
from dataclasses import replace

import psutil
import pytest

from tests.checkpoints import write_checkpoint
from tests.records import settings
from tests.test_sweep import Bench
from tuner.core.settings import DataSettings, ModelSettings
from tuner.core.trial import TrialState
from tuner.launchers.local import WORKER, LocalLauncher
from tuner.worker.protocol import Ready

pytestmark = [pytest.mark.slow, pytest.mark.tf, pytest.mark.timeout(600)]

ROOM = 400 * 2**20
"""Bytes beyond what a worker has reserved when it is ready."""

BATCH, LENGTH = 512, 256


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


@pytest.fixture
def base(tmp_path):
    """A model whose activations at the full batch take more than there is room for."""
    checkpoint = write_checkpoint(tmp_path / "bert", hidden=64, heads=4, positions=LENGTH)
    rows = [(" ".join(["wonderful" if n % 2 else "awful"] * 240), str(n % 2)) for n in range(1024)]
    for name, part in (("train", rows), ("validation", rows[:64])):
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *part])
    return replace(
        settings(batch_size=BATCH, evaluations=2, epochs=1.0, evaluation_batch_size=64),
        model=ModelSettings(checkpoint=str(checkpoint), max_length=LENGTH),
        data=DataSettings(
            format="csv",
            train=str(tmp_path / "train.csv"),
            validation=str(tmp_path / "validation.csv"),
        ),
    )


def test_a_batch_that_does_not_fit_is_cut_and_the_trial_completes(tmp_path, mlflow_uri, base):
    bench = Bench(tmp_path / "outputs", mlflow_uri)
    outcomes = bench.run(base=base, command=WORKER, launcher=LimitedLauncher, trials=2)
    assert [outcome.state for outcome in outcomes] == [TrialState.COMPLETE] * 2
    first, second = outcomes
    assert first.attempt > 1
    assert second.attempt == 1  # the limit is known
    for spec, _ in bench.finished:
        assert spec.settings.training.batch_size < BATCH
        assert spec.settings.effective_batch_size == BATCH
    assert {trial.state.name for trial in bench.optuna_trials()} == {"COMPLETE"}
    assert any("effective batch 512 as before" in text for text in bench.watch.notices)
