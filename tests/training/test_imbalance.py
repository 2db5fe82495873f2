"""Weights and oversampling: scikit-learn's formula, equal shares, and what they are good for."""

import csv
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from tests.tiny_checkpoints import reviews
from tuner.errors import InputError
from tuner.settings.settings import DataSettings
from tuner.tasks.label_weights import class_weights
from tuner.training.batches import updates
from tuner.training.oversampling import BalancedRows
from tuner.trial.budget import Budget
from tuner.trial.records import Decision


def labels_of(counts, seed=0):
    numbers = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    return np.random.default_rng(seed).permutation(numbers)


def test_balanced_weights_are_those_of_scikit_learn():
    numbers = labels_of([70, 25, 5])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=numbers)
    np.testing.assert_allclose(class_weights("balanced", ("a", "b", "c"), numbers), expected)
    assert class_weights("none", ("a", "b", "c"), numbers) is None
    # Rows that are balanced already want no weights.
    assert class_weights("balanced", ("a", "b", "c"), numbers, "balanced") is None


def test_given_weights_name_every_label_and_no_other():
    numbers = labels_of([3, 2])
    assert class_weights({"b": 2, "a": 1}, ("a", "b"), numbers).tolist() == [1.0, 2.0]
    assert class_weights({1: 5.0, 0: 1.0}, ("0", "1"), numbers).tolist() == [1.0, 5.0]
    with pytest.raises(InputError, match=r"no weight for b.* c, "):
        class_weights({"a": 1.0, "c": 1.0}, ("a", "b"), numbers)


@given(
    counts=st.lists(st.integers(1, 40), min_size=2, max_size=6), seed=st.integers(0, 99),
    epochs=st.integers(1, 4),
)  # fmt: skip
def test_every_label_has_its_share_of_every_epoch(counts, seed, epochs):
    numbers = labels_of(counts)
    balanced = BalancedRows(numbers, seed)
    met = []
    for epoch in range(epochs):
        rows = balanced.epoch(epoch)
        assert len(rows) == len(numbers)
        shares = np.bincount(numbers[rows], minlength=len(counts))
        assert shares.max() - shares.min() <= 1
        met.append(rows)
    total = np.bincount(numbers[np.concatenate(met)], minlength=len(counts))
    assert total.max() - total.min() <= 1
    # Within a label no row is ahead of another by more than one turn.
    turns = np.bincount(np.concatenate(met), minlength=len(numbers))
    for label in range(len(counts)):
        mine = turns[numbers == label]
        assert mine.max() - mine.min() <= 1


def test_the_order_follows_from_the_seed_and_fits_the_budget():
    numbers = labels_of([90, 10])
    lengths = np.random.default_rng(0).integers(3, 60, 100)
    budget = Budget(train_examples=100, effective_batch=16, epochs=2.5, evaluations=2)

    def order(seed):
        made = list(updates(lengths, budget, seed, BalancedRows(numbers, seed).epoch))
        assert len(made) == budget.total_updates
        seen = np.cumsum([len(rows) for rows in made]).tolist()
        assert seen == [budget.examples_after(n) for n in range(1, len(made) + 1)]
        return np.concatenate(made)

    assert np.array_equal(order(0), order(0))
    assert not np.array_equal(order(0), order(1))
    share = numbers[order(0)].mean()
    assert share == pytest.approx(0.5, abs=0.06)
    assert numbers[order(0)[:200]].mean() == 0.5


def write_imbalanced(path, negative, positive, seed):
    rows = reviews(2 * max(negative, positive), seed)
    kept = [r for r in rows if r[1] == "negative"][:negative]
    kept += [r for r in rows if r[1] == "positive"][:positive]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        writer.writerows(kept)


@pytest.mark.tf
@pytest.mark.parametrize("remedy", [{"class_weights": "balanced"}, {"oversample": "balanced"}])
def test_balancing_raises_macro_f1_where_one_label_is_rare(workspace, make_settings, remedy):
    from dataclasses import replace

    from tuner.training.fine_tune import FineTuner

    write_imbalanced(workspace / "rare.csv", 270, 30, seed=5)
    write_imbalanced(workspace / "rare-validation.csv", 100, 20, seed=6)
    files = DataSettings(
        format="csv",
        train=str(workspace / "rare.csv"),
        validation=str(workspace / "rare-validation.csv"),
    )
    scores, guesses = {}, {}

    class TrialMonitor:
        def started(self, constant_guess, labels, resumed_at):
            self.guess = constant_guess

        def progress(self, share, examples_per_second): ...
        def stop_requested(self): ...
        def reported(self, report):
            self.last = report
            return Decision.CONTINUE

    tuner = FineTuner()
    for name, training in (("plain", {}), ("balanced", remedy)):
        settings = make_settings(
            epochs=6.0, optimizer={"name": "adamw", "learning_rate": 2e-3}, **training
        )
        listener = TrialMonitor()
        tuner.run(replace(settings, data=files), listener)
        scores[name] = listener.last.metrics["val_macro_f1"]
        assert listener.last.total_examples == 1800
        guesses[name] = listener.guess
    assert guesses["balanced"].trained_loss == pytest.approx(math.log(2))
    assert guesses["plain"].trained_loss < 0.5
    assert scores["balanced"] > scores["plain"] + 0.1, scores
