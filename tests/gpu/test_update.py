"""The update on a GPU: compiled once for a length, the same numbers as on a CPU."""

import time

import numpy as np
import pytest

from tests.gpu.workers import Workers
from tests.tiny_checkpoints import write_checkpoint
from tests.training.ten_updates import ADAMW, cut, farthest, ten_updates, weights
from tuner.checkpoints import inspect
from tuner.data import prepare
from tuner.tasks import Classification

pytestmark = [pytest.mark.gpu, pytest.mark.tf]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint") / "bert"
    return inspect(write_checkpoint(folder, hidden=64, heads=4, seed=3))


@pytest.fixture
def exact():
    """Matrix products of float32 numbers in float32; else TensorFlow rounds them (TF32)."""
    import tensorflow as tf

    tf.config.experimental.enable_tensor_float_32_execution(False)
    yield
    tf.config.experimental.enable_tensor_float_32_execution(True)


@pytest.fixture(scope="module")
def data(make_settings):
    settings = make_settings()
    return prepare(settings.data, settings.model, Classification())


def batches(rows, tokens, count):
    """Micro-batches of random tokens, all of one length."""
    from tuner.training.micro_batch import MicroBatch

    random = np.random.default_rng(tokens)
    return [
        MicroBatch(
            ids=random.integers(5, 40, (rows, tokens), np.int32),
            types=np.zeros((rows, tokens), np.int32),
            lengths=np.full(rows, tokens, np.int32),
            labels=random.integers(0, 2, rows, np.int32),
        )
        for _ in range(count)
    ]


def test_the_update_with_its_loop_is_compiled_once_for_a_bucket(checkpoint, fused):
    from tuner.training.model import Classifier

    model = Classifier(checkpoint, 2)
    step = fused(model)
    model.reset(seed=0, dropout=0.1)
    step.reset(ADAMW)
    seconds = []
    for number, tokens in enumerate((20, 30, 17, 40, 48), start=1):  # Buckets 32 and 48.
        started = time.perf_counter()
        step(batches(8, tokens, 4), learning_rate=1e-4, update=number, clip_norm=1.0)
        step.collect()
        seconds.append(time.perf_counter() - started)
    assert step.traces["apply"] == 1
    assert min(seconds[0], seconds[3]) > 5 * max(seconds[1], seconds[2], seconds[4])


def test_ten_updates_give_the_parameters_of_the_cpu(checkpoint, fused, data, exact):
    import tensorflow as tf

    from tuner.training.model import Classifier
    from tuner.training.update import UpdateStep

    with tf.device("CPU:0"):
        plain = Classifier(checkpoint, 2)
        begin = weights(plain)
        losses, expected = ten_updates(plain, UpdateStep(plain, Classification()), data, 8)
    model = Classifier(checkpoint, 2)
    got_losses, got = ten_updates(model, fused(model), data, 8)
    np.testing.assert_allclose(got_losses, losses, rtol=1e-4)
    assert farthest(got, expected) < 0.01 * farthest(begin, expected)


def test_an_overflow_in_float16_is_skipped_and_counted(checkpoint, fused, data):
    from tuner.training.model import Classifier

    model = Classifier(checkpoint, 2, "mixed_float16")
    step = fused(model)
    model.reset(seed=0, dropout=0.0)
    step.reset(ADAMW)
    step._loss_scale = 2.0**40
    before = weights(model)
    step(cut(data, np.arange(8), 8), learning_rate=1e-3, update=1, clip_norm=1.0)
    (result,) = step.collect()
    assert result.skipped
    assert farthest(weights(model), before) == 0.0
    assert step._loss_scale == 2.0**39


def test_deterministic_trials_give_the_same_bits(workers, make_settings):
    settings = make_settings(deterministic=True, epochs=2.0)
    first, second = workers.run(settings), workers.run(settings)
    assert [r.val_loss for r in first] == [r.val_loss for r in second]
    assert [r.train_loss for r in first] == [r.train_loss for r in second]


@pytest.mark.usefixtures("real")
def test_a_second_worker_takes_what_the_first_has_compiled(
    gpus, tmp_path, make_settings, monkeypatch
):
    """One worker at a time: TensorFlow calls the cache racy where several compile at once."""
    cache = tmp_path / "compiled"
    cache.mkdir()
    monkeypatch.setenv("TF_XLA_FLAGS", f"--tf_xla_persistent_cache_directory={cache}")
    seconds, kept = [], []
    for name in ("first", "second"):
        workers = Workers(gpus[:1], tmp_path / name)
        seconds.append(workers.run(make_settings())[0].seconds_training)
        kept.append({path.name: path.stat().st_mtime_ns for path in cache.iterdir()})
        workers.close()
    assert kept[0]
    assert kept[1] == kept[0]  # What is compiled is kept: nothing was.
    assert seconds[1] < seconds[0]
