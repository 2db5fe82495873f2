"""Whole trials: what the loop hands to the update is what it reports."""

import numpy as np
import pytest

from tests.components import make_schedule
from tests.training.test_fine_tune import Recorder

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def tuner():
    from tuner.training.fine_tune import FineTuner

    return FineTuner()


def watch(tuner, monkeypatch, settings):
    """Every call of the step: rows as bytes, and its keywords; and the reports."""
    from tuner.training.update import UpdateStep

    calls, whole = [], UpdateStep.__call__

    def call(self, batches, **fields):
        rows = [
            tuple(i[:n].tolist()) for b in batches for i, n in zip(b.ids, b.lengths, strict=True)
        ]
        calls.append((rows, max(len(b.labels) for b in batches), fields))
        whole(self, batches, **fields)

    recorder = Recorder()
    with monkeypatch.context() as patch:
        patch.setattr(UpdateStep, "__call__", call)
        assert not tuner.run(settings, recorder)
    return calls, recorder.reports


@pytest.mark.parametrize("name", ["linear", "cosine_restarts", "exponential", "inverse_sqrt"])
def test_every_cut_sees_the_same_rate_at_the_same_example(tuner, monkeypatch, make_settings, name):
    schedule = {"name": name, "warmup_fraction": 0.3}
    seen = []
    for batch, steps in ((32, 1), (16, 2), (8, 4), (4, 8)):
        settings = make_settings(
            dropout=0.0, batch_size=batch, accumulation_steps=steps, epochs=1.6, evaluations=3,
            schedule=schedule, clip_norm=0.7,
        )  # fmt: skip
        calls, reports = watch(tuner, monkeypatch, settings)
        assert {most for _, most, _ in calls} == {batch}
        assert [f["learning_rate"] for _, _, f in calls] == [
            make_schedule(schedule).learning_rate(1e-3, n, len(calls))
            for n in range(1, len(calls) + 1)
        ]
        assert {f["clip_norm"] for _, _, f in calls} == {0.7}
        for report in reports:  # Logged is applied.
            assert report.learning_rate == calls[report.updates - 1][2]["learning_rate"]
        seen.append([(rows, f["learning_rate"]) for rows, _, f in calls])
        losses = [(r.examples_seen, r.train_loss, r.val_loss) for r in reports]
        if batch == 32:
            whole = losses
        np.testing.assert_allclose(losses, whole, rtol=1e-5)
    assert all(each == seen[0] for each in seen)


def test_the_window_is_the_trials_own(tuner, monkeypatch, make_settings):
    grouped, plain = (
        watch(tuner, monkeypatch, make_settings(length_window=w, evaluations=1)) for w in (1024, 1)
    )
    assert grouped[0][0][0] != plain[0][0][0]
    assert grouped[1][0].padding_fraction < plain[1][0].padding_fraction


def test_padding_is_what_the_batches_have(tuner, monkeypatch, make_settings):
    from tuner.training.update import UpdateStep

    tokens, whole = [0, 0], UpdateStep.__call__

    def call(self, batches, **fields):
        tokens[0] += sum(b.ids.size for b in batches)
        tokens[1] += sum(int(b.lengths.sum()) for b in batches)
        whole(self, batches, **fields)

    monkeypatch.setattr(UpdateStep, "__call__", call)
    recorder = Recorder()
    tuner.run(make_settings(evaluations=1), recorder)
    assert recorder.reports[0].padding_fraction == (tokens[0] - tokens[1]) / tokens[0] > 0


def test_the_average_is_evaluated_at_every_point(tuner, make_settings):
    def losses(**fields):
        recorder = Recorder()
        tuner.run(make_settings(evaluations=3, **fields), recorder)
        return [r.val_loss for r in recorder.reports]

    plain, averaged = losses(), losses(ema_decay=0.99)
    assert all(a != b for a, b in zip(plain, averaged, strict=True))
