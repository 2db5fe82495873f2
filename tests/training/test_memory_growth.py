"""A worker that serves all night holds no more in the morning."""

import gc

import numpy as np
import psutil
import pytest

from tests.training.test_fine_tune import Recorder

pytestmark = pytest.mark.tf

TRIALS = 100
WARM = 40
"""After so many, every optimizer and every size has been met more than once."""

OPTIMIZERS = (
    {"name": "adamw", "learning_rate": 1e-3, "weight_decay": 0.01},
    {"name": "sgd", "learning_rate": 1e-2, "momentum": 0.9},
    {"name": "lion", "learning_rate": 1e-4, "weight_decay": 0.1},
)


def test_a_hundred_short_trials_do_not_grow_it(make_settings):
    from tuner.training.fine_tune import FineTuner

    tuner, chance, held = FineTuner(), np.random.default_rng(0), []
    gc.collect()
    gc.freeze()  # What earlier tests have left in this process takes seconds to go through.
    for number in range(TRIALS):
        settings = make_settings(
            dropout=[0.0, 0.3][chance.integers(2)],
            optimizer=OPTIMIZERS[chance.integers(3)],
            schedule={"name": ["linear", "constant"][chance.integers(2)], "warmup_fraction": 0.1},
            batch_size=[8, 16][chance.integers(2)],
            accumulation_steps=[1, 2][chance.integers(2)],
            label_smoothing=[0.0, 0.1][chance.integers(2)],
            seed=number,
            epochs=0.4,
            evaluations=1,
        )
        assert tuner.run(settings, Recorder()) == ""
        gc.collect()
        held.append(psutil.Process().memory_info().rss)
    gc.unfreeze()
    early, late = max(held[WARM - 10 : WARM]), min(held[-10:])
    assert late < 1.03 * early, [each // 2**20 for each in held[::10]]
