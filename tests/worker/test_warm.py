"""The real worker as a process: a trial depends on nothing that ran before it."""

import subprocess
import sys
import time
from dataclasses import replace

import pytest

from tests.components import make_optimizer, make_schedule
from tests.tiny_checkpoints import write_checkpoint, write_reviews
from tuner.settings.settings import DataSettings, ModelSettings, TrainingSettings, TrialSettings
from tuner.trial.records import Decision, TrialSpec
from tuner.worker.protocol import (
    Answer,
    Failed,
    Finished,
    Prepare,
    Ready,
    Reported,
    Run,
    Started,
    decode_from_worker,
    encode,
)

pytestmark = pytest.mark.tf


class Process:
    """A worker and the agent's side of the conversation."""

    def __init__(self, log):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tuner.worker", "--threads", "2"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )

    def tell(self, message):
        self.process.stdin.write(encode(message))
        self.process.stdin.flush()

    def hear(self):
        return decode_from_worker(self.process.stdout.readline())

    def run(self, spec):
        """All reports of one trial."""
        self.tell(Run(spec=spec))
        reports = []
        while not isinstance(message := self.hear(), Finished | Failed):
            if isinstance(message, Reported):
                reports.append(message.report)
                self.tell(Answer(Decision.CONTINUE))
        assert isinstance(message, Finished), message
        return reports


@pytest.fixture
def start(tmp_path):
    started = []

    def make():
        with (tmp_path / f"stderr-{len(started)}").open("wb") as log:
            started.append(Process(log))
        return started[-1]

    yield make
    for each in started:
        each.process.kill()
        with each.process:
            pass


@pytest.fixture
def specs(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))
    write_checkpoint(tmp_path / "bert", "bert")
    write_checkpoint(tmp_path / "roberta", "roberta", seed=1)
    write_reviews(tmp_path / "train.csv", 130)

    def make(
        number=0, *, checkpoint="bert", dropout=0.1, optimizer="adamw", layer_decay=1.0, **training
    ):
        settings = TrialSettings(
            model=ModelSettings(
                checkpoint=str(tmp_path / checkpoint), max_length=32, dropout=dropout
            ),
            data=DataSettings(
                format="csv", train=str(tmp_path / "train.csv"), validation_fraction=0.3
            ),
            optimizer=make_optimizer(
                {
                    "name": optimizer,
                    "learning_rate": 1e-3,
                    "weight_decay": 0.01,
                    "layer_decay": layer_decay,
                }
            ),
            schedule=make_schedule({"name": "linear", "warmup_fraction": 0.1}),
            training=TrainingSettings(**{"epochs": 2.0, "evaluations": 4, **training}),
        )
        return TrialSpec(
            number=number, parameters={}, settings=settings, folder=str(tmp_path / str(number))
        )

    return make


def what_matters(reports):
    """The reports without what the clock and the machine decide."""
    measured = {
        "examples_per_second": 0.0,
        "peak_memory_bytes": 0,
        "seconds_training": 0.0,
        "seconds_evaluating": 0.0,
    }
    return [replace(report, **measured) for report in reports]


def test_a_trial_run_last_has_the_losses_of_the_same_trial_run_first(start, specs):
    fresh, used = start(), start()
    assert isinstance(fresh.hear(), Ready)
    first = fresh.run(specs(0))
    assert isinstance(used.hear(), Ready)
    used.tell(Prepare(spec=specs(0, optimizer="lion", dropout=0.4)))
    others = [
        {"optimizer": "sgd", "batch_size": 4, "accumulation_steps": 4},
        {"optimizer": "lion", "dropout": 0.5, "batch_size": 32},
        {"seed": 1, "dropout": 0.0},
        {"checkpoint": "roberta", "epochs": 0.5},
        {"optimizer": "adam", "batch_size": 7, "epochs": 1.0},
        {"optimizer": "rmsprop", "epochs": 0.5},
        {"precision": "mixed_bfloat16", "epochs": 0.2},
        {"accumulation_steps": 3, "evaluation_batch_size": 5},
        {"clip_norm": None, "interim_examples": 9},
        {"label_smoothing": 0.2, "class_weights": "balanced", "epochs": 0.5},
        {"layer_decay": 0.5, "reinit_layers": 1, "epochs": 0.5},
        {"freeze_layers": 1, "ema_decay": 0.9, "oversample": "balanced", "epochs": 0.5},
        {"freeze_layers": 2, "layer_decay": 0.9, "optimizer": "rmsprop", "epochs": 0.5},
    ]
    for number, other in enumerate(others, start=1):
        assert used.run(specs(number, **other))
    last = used.run(specs(len(others) + 1))
    assert len(first) == 4
    assert what_matters(last) == what_matters(first)


def test_a_worker_is_deterministic_from_its_first_trial_on_or_not_at_all(start, specs):
    quick = {"epochs": 0.5, "evaluations": 1, "accumulation_steps": 2}
    steady, free = start(), start()
    steady.hear()
    steady.tell(Prepare(spec=specs(0, deterministic=True, **quick)))
    runs = [what_matters(steady.run(specs(n, deterministic=True, **quick))) for n in (1, 2)]
    assert runs[0] == runs[1]
    free.hear()
    assert free.run(specs(3, **quick))
    for worker, wanted in ((steady, False), (free, True)):
        worker.tell(Run(spec=specs(4, deterministic=wanted, **quick)))
        message = worker.hear()
        assert isinstance(message, Failed)
        assert message.error.kind == "input"
        assert f"training.deterministic={str(not wanted).lower()}" in message.error.message


def test_without_its_agent_a_worker_ends_in_the_middle_of_a_trial(start, specs):
    worker = start()
    worker.hear()
    worker.tell(Run(spec=specs(0, epochs=10_000.0)))
    assert isinstance(worker.hear(), Started)
    begin = time.monotonic()
    worker.process.stdin.close()
    assert worker.process.wait(timeout=10) == 0
    assert time.monotonic() - begin < 2
