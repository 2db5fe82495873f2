"""A trial that goes on from its state reports what it would have reported without the break."""

import logging
from contextlib import suppress
from dataclasses import replace

import pytest
from safetensors.numpy import load_file

from tests.tiny_checkpoints import write_checkpoint
from tests.training.references import FOLDER
from tests.training.test_fine_tune import Recorder
from tests.training.test_fused import tuner_of_a_gpu
from tests.worker.test_warm import what_matters
from tuner.trial.records import Decision

pytestmark = pytest.mark.tf


class LostError(Exception):
    """The process is gone."""


class Attempt(Recorder):
    """Stops a trial, to be gone on with, or loses it, both after some updates of this attempt."""

    def __init__(self, *, stop_after=None, lose_after=None, answers=None, keep=True):
        super().__init__()
        self.resumed_at = None
        self.updates = 0
        self._stop_after = stop_after
        self._lose_after = lose_after
        self._answers = answers or {}
        self._keep = keep

    def started(self, constant_guess, labels, resumed_at):
        super().started(constant_guess, labels, resumed_at)
        self.resumed_at = resumed_at

    def reported(self, report):
        super().reported(report)
        return self._answers.get(report.point, Decision.CONTINUE)

    def stop_requested(self):
        self.updates += 1
        if self.updates == self._lose_after:
            raise LostError
        return self.updates == self._stop_after

    def should_checkpoint(self):
        return self._keep and (
            self.updates == self._stop_after or Decision.STOP in self._answers.values()
        )


@pytest.fixture(scope="module")
def tuner():
    from tuner.training.fine_tune import FineTuner

    return FineTuner()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.safetensors"


def attempt(tuner, settings, path, **kwargs):
    told = Attempt(**kwargs)
    with suppress(LostError):
        assert not tuner.run(settings, told, path)
    return told


def uninterrupted(tuner, settings):
    return what_matters(attempt(tuner, settings, None).reports)


def stir(tuner, settings):
    """Leaves other weights, slots and counters behind."""
    attempt(
        tuner,
        replace(
            settings,
            model=replace(settings.model, dropout=0.4),
            training=replace(settings.training, epochs=0.2, evaluations=1, seed=9),
        ),
        None,
    )


ADAM = {"name": "adamw", "learning_rate": 1e-3, "weight_decay": 0.01}
MOMENTUM = {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9, "nesterov": True}
CASES = {
    "adamw": {},
    "sgd": {"optimizer": MOMENTUM, "batch_size": 6, "effective_batch_size": 16},
    "adafactor": {"optimizer": {"name": "adafactor", "learning_rate": 1e-3}},
    "lion": {"optimizer": {"name": "lion", "learning_rate": 1e-4}},
    "nadam": {"optimizer": {"name": "nadam", "learning_rate": 1e-3}, "dropout": 0.3},
    "average": {"ema_decay": 0.9, "oversample": "balanced", "label_smoothing": 0.1},
    "layers": {"reinit_layers": 1, "class_weights": "balanced", "freeze_layers": 1},
    "float16": {"precision": "mixed_float16"},
}
"""Each has 20 updates in two epochs and four points, at every fifth update."""

SLOW = ("adafactor", "lion")
"""Cases whose slots are like those of another one."""


@pytest.mark.parametrize(
    "case", [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in CASES]
)
def test_losses_are_those_of_an_uninterrupted_run(tuner, make_settings, path, monkeypatch, case):
    from tuner.training import update

    monkeypatch.setattr(update, "LOSS_SCALE_GROWTH", 3)
    settings = make_settings(**{"epochs": 2.0, "evaluations": 4, **CASES[case]})
    expected = uninterrupted(tuner, settings)
    # In the first epoch, right at a point and before its evaluation, and in the second epoch.
    reports = []
    for stop_after, resumed_at in ((7, 0), (3, 1), (2, 1), (None, 2)):
        stir(tuner, settings)
        told = attempt(tuner, settings, path, stop_after=stop_after)
        assert told.resumed_at == resumed_at
        assert path.exists() == (stop_after is not None)
        reports += told.reports
    assert what_matters(reports) == expected
    assert len(expected) == 4


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_so_are_those_of_the_compiled_step(monkeypatch, make_settings, path, precision):
    from tuner.training import update

    monkeypatch.setattr(update, "LOSS_SCALE_GROWTH", 3)
    tuner = tuner_of_a_gpu(monkeypatch)
    settings = make_settings(
        epochs=2.0, evaluations=4, batch_size=6, accumulation_steps=3, precision=precision,
        ema_decay=0.8,
    )  # fmt: skip
    expected = uninterrupted(tuner, settings)
    first = attempt(tuner, settings, path, stop_after=12)
    stir(tuner, settings)
    second = attempt(tuner, settings, path)
    assert (first.resumed_at, second.resumed_at) == (0, 2)
    assert what_matters(first.reports + second.reports) == expected


def test_after_a_loss_it_goes_on_from_the_last_point(tuner, make_settings, path):
    settings = make_settings(epochs=2.0, evaluations=4, save_state="always", ema_decay=0.9)
    expected = uninterrupted(tuner, settings)
    told = [attempt(tuner, settings, path, lose_after=n) for n in (3, 13, 2, None)]
    assert [each.resumed_at for each in told] == [0, 0, 2, 2]
    assert [len(each.reports) for each in told] == [0, 2, 0, 2]
    assert what_matters(told[1].reports + told[3].reports) == expected
    assert not path.exists()


@pytest.mark.parametrize("ema_decay", [None, 0.9])
def test_a_trial_with_more_points_than_updates_goes_on(tuner, make_settings, path, ema_decay):
    # Two updates: the first reaches point 2, the second point 4.
    settings = make_settings(batch_size=80, evaluations=4, ema_decay=ema_decay)
    expected = uninterrupted(tuner, settings)
    told = [attempt(tuner, settings, path, answers={2: Decision.STOP})]
    told.append(attempt(tuner, settings, path))
    assert [each.resumed_at for each in told] == [0, 2]
    assert what_matters([r for each in told for r in each.reports]) == expected


def test_a_trial_that_is_stopped_at_a_point_counts_each_update_once(tuner, make_settings, path):
    settings = make_settings(batch_size=16, evaluations=5)
    expected = uninterrupted(tuner, settings)
    told = [attempt(tuner, settings, path, answers={2: Decision.STOP})]
    told.append(attempt(tuner, settings, path))
    assert [each.resumed_at for each in told] == [0, 2]
    assert what_matters([r for each in told for r in each.reports]) == expected


def test_a_state_is_removed_with_the_trials_end_and_kept_when_told(tuner, make_settings, path):
    settings = make_settings(evaluations=5, save_state="always")
    attempt(tuner, settings, path, answers={3: Decision.STOP})
    assert path.exists()
    attempt(tuner, settings, path, answers={4: Decision.STOP}, keep=False)
    assert not path.exists()
    attempt(tuner, settings, path, stop_after=3, keep=False)
    assert not path.exists()
    concluded = attempt(tuner, settings, path, answers={2: Decision.FINISH_EARLY})
    assert concluded.reports[-1].final
    assert not path.exists()
    told = attempt(tuner, settings, path, answers={5: Decision.STOP})  # complete all the same
    assert told.reports[-1].final
    assert not path.exists()


def test_a_diverged_trial_leaves_none(tuner, make_settings, path):
    wild = make_settings(
        epochs=2.0,
        evaluations=10,
        save_state="always",
        optimizer={"name": "sgd", "learning_rate": 1e4},
        schedule={"name": "linear", "warmup_fraction": 0.5},
        clip_norm=None,
    )
    told = Attempt()
    assert tuner.run(wild, told, path)
    assert told.reports  # so that there was a state
    assert not path.exists()


def test_never_saves_and_takes_nothing(tuner, make_settings, path):
    attempt(tuner, make_settings(epochs=2.0), path, stop_after=4)
    before = path.read_bytes()
    settings = make_settings(epochs=2.0, save_state="never")
    assert attempt(tuner, settings, path, stop_after=12).resumed_at == 0
    assert path.read_bytes() == before


def test_auto_does_not_save_what_is_over_in_seconds(tuner, make_settings, path):
    attempt(tuner, make_settings(epochs=2.0, evaluations=4), path, lose_after=16)
    assert not path.exists()


def test_another_split_of_the_same_updates_goes_on(tuner, make_settings, path):
    fields = {"epochs": 2.0, "evaluations": 4, "dropout": 0.0}
    expected = uninterrupted(tuner, make_settings(batch_size=16, **fields))
    first = attempt(tuner, make_settings(batch_size=16, **fields), path, stop_after=12)
    halved = make_settings(
        batch_size=8, accumulation_steps=2, evaluation_batch_size=32, rematerialize=True, **fields
    )
    second = attempt(tuner, halved, path)
    assert second.resumed_at == 2
    for one, other in zip(first.reports + second.reports, expected, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-4)
        assert one.val_loss == pytest.approx(other.val_loss, rel=1e-4)


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"seed": 1}, "training.seed"),
        ({"optimizer": {**ADAM, "learning_rate": 2e-3}}, "optimizer.learning_rate"),
        ({"batch_size": 8}, "effective batch"),
        ({"epochs": 3.0}, "training.epochs"),
        ({"optimizer": MOMENTUM}, "optimizer.beta_1, optimizer.beta_2, optimizer.epsilon"),
    ],
)
def test_the_state_of_another_trial_is_not_used(tuner, make_settings, path, caplog, other, named):
    attempt(tuner, make_settings(**other), path, stop_after=3)
    settings = make_settings()
    told = attempt(tuner, settings, path)
    assert told.resumed_at == 0
    assert what_matters(told.reports) == uninterrupted(tuner, settings)
    assert f"{path} is not used, the trial begins anew: it is of another {named}" in caplog.text


def test_nor_is_that_of_other_rows(tuner, make_settings, path, caplog):
    settings = make_settings()
    attempt(tuner, settings, path, stop_after=3)
    fewer = replace(settings, data=replace(settings.data, train=settings.data.validation))
    assert attempt(tuner, fewer, path).resumed_at == 0
    assert "it is of another data" in caplog.text


def flipped(whole):
    middle = len(whole) // 2
    return whole[:middle] + bytes([whole[middle] ^ 4]) + whole[middle + 1 :]


@pytest.mark.parametrize("damage", [flipped, lambda whole: whole[:-1], lambda _: b""])
def test_a_damaged_state_is_not_used(tuner, make_settings, path, caplog, damage):
    settings = make_settings()
    attempt(tuner, settings, path, stop_after=3)
    path.write_bytes(damage(path.read_bytes()))
    told = attempt(tuner, settings, path)
    assert told.resumed_at == 0
    assert what_matters(told.reports) == uninterrupted(tuner, settings)
    assert "is not used, the trial begins anew" in caplog.text
    assert not path.exists()


def test_a_state_of_another_format_is_not_used(tuner, make_settings, path, caplog, workspace):
    # Of this trial, when a state had its weights by number and with all token embeddings.
    path.write_bytes((FOLDER / "state_of_format_2.safetensors").read_bytes())
    write_checkpoint(workspace / "narrow", "bert", hidden=8, layers=1, positions=32)
    settings = make_settings(checkpoint="narrow", optimizer={"name": "sgd", "learning_rate": 1e-2})
    told = attempt(tuner, settings, path)
    assert told.resumed_at == 0
    assert what_matters(told.reports) == uninterrupted(tuner, settings)
    assert f"{path} is not used, the trial begins anew: it is of another format" in caplog.text


def test_a_state_names_its_tensors(tuner, make_settings, path):
    attempt(tuner, make_settings(ema_decay=0.9), path, stop_after=3)
    names = load_file(path).keys()
    weight = "bert.embeddings.word_embeddings.weight"
    assert {f"weights.{weight}", f"average.{weight}", f"slots.1.{weight}"} <= names
    assert {"weights.classifier.bias", "dropout.seed"} <= names


def test_where_nothing_can_be_written_the_trial_goes_on(tuner, make_settings, tmp_path, caplog):
    settings = make_settings(save_state="always", evaluations=3)
    told = attempt(tuner, settings, tmp_path / "missing" / "state.safetensors")
    assert what_matters(told.reports) == uninterrupted(tuner, settings)
    assert caplog.text.count("the trial's state could not be saved") == 2


def test_resuming_is_said(tuner, make_settings, path, caplog):
    attempt(tuner, make_settings(evaluations=5), path, stop_after=5)
    with caplog.at_level(logging.INFO, logger="tuner"):
        attempt(tuner, make_settings(evaluations=5), path)
    assert "going on after update 5, point 2" in caplog.text
