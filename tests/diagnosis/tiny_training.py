"""A tiny model of any task, trained as a configuration says, to see what advice does.

One hidden layer on random inputs, in NumPy: a run takes a tenth of a second. Rates are those of
an encoder times a factor, so that the usual ones of `USUAL_RATES` train well. What it reports
comes from the same functions as in a worker.
"""

import math
import statistics
from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np

from tuner.diagnosis import diagnose
from tuner.settings.settings import TrialSettings
from tuner.tasks import Baseline, Classification, Multilabel, Regression, Task
from tuner.tasks.label_weights import class_weights, trained_guess
from tuner.tasks.row_losses import cross_entropy
from tuner.training.oversampling import BalancedRows
from tuner.trial.records import FixedRows, Report

FACTORS = {"adamw": 200.0, "sgd": 30.0, "lion": 200.0, "rmsprop": 200.0}
"""Factor from an encoder's rates to those of this model."""

INPUTS, HIDDEN = 24, 24
CLASSIFICATION = Classification()


@dataclass(frozen=True, kw_only=True)
class Data:
    """Rows of the tiny task.

    Attributes:
        train: Inputs [rows, INPUTS] and targets [rows], such as label numbers.
        validation: The same.
        labels: Number of outputs.
        task: The task.
    """

    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    labels: int
    task: Task = CLASSIFICATION


def make_data(shares, rows, *, validation=200, distance=2.0, wrong=0.0, seed=0):
    """Draws a task.

    Args:
        shares: Share of each label.
        rows: Training rows.
        validation: Validation rows.
        distance: Distance of the labels' centres, in standard deviations of an input.
        wrong: Share of the training labels that is drawn anew.
        seed: Decides everything.
    """
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(len(shares), INPUTS))
    centres *= distance / np.linalg.norm(centres, axis=1, keepdims=True)

    def draw(count):
        numbers = np.repeat(np.arange(len(shares)), np.round(np.array(shares) * count).astype(int))
        rng.shuffle(numbers)
        return centres[numbers] + rng.normal(size=(len(numbers), INPUTS)), numbers

    inputs, numbers = draw(rows)
    anew = rng.random(len(numbers)) < wrong
    numbers = np.where(anew, rng.permutation(numbers), numbers)
    return Data(train=(inputs, numbers), validation=draw(validation), labels=len(shares))


def make_numbers(rows, *, validation=200, tail=0.0, seed=0):
    """Draws a regression.

    Args:
        rows: Training rows.
        validation: Validation rows.
        tail: 0 for numbers without outliers; the larger, the further out are a few.
        seed: Decides everything.
    """
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(rows + validation, INPUTS))
    shown = np.tanh(1.5 * inputs @ rng.normal(size=INPUTS) / math.sqrt(INPUTS))
    noise = rng.normal(size=len(inputs))
    numbers = np.exp(tail * (0.8 * shown + noise)) if tail else shown + 0.3 * noise
    task = Regression().fit(numbers[:rows])
    targets = task.encode(numbers, ("score",)).astype(np.float64)
    return Data(
        train=(inputs[:rows], targets[:rows]),
        validation=(inputs[rows:], targets[rows:]),
        labels=1,
        task=task,
    )


def make_sets(rows, *, validation=200, rarest=-5.0, labels=6, seed=0):
    """Draws a task of several labels, from ones of every second row to rare ones.

    Args:
        rows: Training rows.
        validation: Validation rows.
        rarest: Logit of the rarest label.
        labels: Number of labels.
        seed: Decides everything.
    """
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(rows + validation, INPUTS))
    logits = 6.0 * inputs @ rng.normal(size=(INPUTS, labels)) / math.sqrt(INPUTS)
    shares = 1.0 / (1.0 + np.exp(-(logits + np.linspace(0.0, rarest, labels))))
    sets = (rng.random(shares.shape) < shares).astype(np.float32)
    return Data(
        train=(inputs[:rows], sets[:rows]),
        validation=(inputs[rows:], sets[rows:]),
        labels=labels,
        task=Multilabel(),
    )


class Optimizer:
    """The optimizers of `tuner`, on a few arrays."""

    def __init__(self, settings, parameters):
        self.name = settings.name
        self.decay = settings.weight_decay
        self.first = [np.zeros_like(p) for p in parameters]
        self.second = [np.zeros_like(p) for p in parameters]
        self.step = 0

    def __call__(self, parameters, gradients, rate):
        self.step += 1
        rate *= FACTORS[self.name]
        for p, g, m, v in zip(parameters, gradients, self.first, self.second, strict=True):
            if p.ndim > 1 and self.name != "sgd":
                p[...] -= rate * self.decay * p
            if self.name == "sgd":
                m[...] *= 0.9
                m[...] += g
                p[...] -= rate * m
            elif self.name == "lion":
                p[...] -= rate * np.sign(0.9 * m + 0.1 * g)
                m[...] += 0.01 * (g - m)
            else:
                m[...] += 0.1 * (g - m) if self.name == "adamw" else g - m
                v[...] += 0.001 * (g * g - v)
                first = m / (1 - 0.9**self.step) if self.name == "adamw" else m
                p[...] -= rate * first / (np.sqrt(v / (1 - 0.999**self.step)) + 1e-8)


class Model:
    """Inputs, a hidden layer and a new head; the hidden layer is as from pre-training."""

    def __init__(self, labels, seed):
        rng = np.random.default_rng([seed, 1])
        self.rng = rng
        self.parameters = [
            rng.normal(size=(INPUTS, HIDDEN)) / math.sqrt(INPUTS),
            np.zeros(HIDDEN),
            0.02 * rng.normal(size=(HIDDEN, labels)),
            np.zeros(labels),
        ]
        self.begun = [p.copy() for p in self.parameters]

    def logits(self, inputs, dropout=0.0):
        w, b, head, bias = self.parameters
        hidden = np.tanh(inputs @ w + b)
        kept = (self.rng.random(hidden.shape) >= dropout) / (1 - dropout) if dropout else 1.0
        return hidden * kept @ head + bias, hidden, kept

    def gradients(self, inputs, function, dropout):
        """Loss and gradients; the function gives the loss and its slopes at the outputs."""
        outputs, hidden, kept = self.logits(inputs, dropout)
        loss, wrong = function(outputs)
        _, _, head, _ = self.parameters
        back = wrong @ head.T * kept * (1 - hidden**2)
        of_hidden = hidden * kept
        return loss, [
            inputs.T @ back, back.sum(axis=0), of_hidden.T @ wrong, wrong.sum(axis=0),
        ]  # fmt: skip

    @property
    def change(self):
        moved = sum(((p - q) ** 2).sum() for p, q in zip(self.parameters, self.begun, strict=True))
        return math.sqrt(moved / sum((q**2).sum() for q in self.begun))


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A run: its reports, its constant guess and why it diverged, if it did."""

    settings: TrialSettings
    reports: list[Report]
    guess: Baseline
    diverged: str

    @property
    def diagnosis(self):
        return diagnose(self.reports, self.guess, self.settings, diverged=self.diverged)

    @property
    def loss(self):
        """Validation loss at the end; infinite where the run diverged."""
        return math.inf if self.diverged or not self.reports else self.reports[-1].val_loss

    @property
    def macro_f1(self):
        return self.reports[-1].metrics["val_macro_f1"]


def _of_classes(numbers, weights, smooth, logits):
    hot = np.eye(len(weights))[numbers]
    targets = (1 - smooth) * hot * weights + smooth / len(weights) * weights
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    soft = shifted / shifted.sum(axis=1, keepdims=True)
    slopes = (soft * targets.sum(axis=1, keepdims=True) - targets) / weights[numbers].sum()
    return cross_entropy(logits, numbers).mean(), slopes


def _of_sets(sets, weights, smooth, logits):
    losses = np.logaddexp(0.0, logits) - sets * logits
    return losses.mean(), (1.0 / (1.0 + np.exp(-logits)) - sets) / sets.size


def _of_numbers(numbers, weights, smooth, outputs):
    errors = outputs - numbers[:, None]
    return (errors**2).mean(), 2.0 * errors / len(numbers)


LOSSES = {
    "classification": _of_classes,
    "multilabel": _of_sets,
    "regression": _of_numbers,
}
"""Task to its plain loss and the slopes of the trained one, from targets, weights, smoothing and
outputs."""


def train(data, settings, seed=0):
    """Trains once, with evaluation points at equal shares of the updates."""
    settings = replace(settings, task=data.task)
    training = settings.training
    inputs, numbers = data.train
    weights = np.ones(data.labels)
    guess = data.task.baseline(numbers, data.validation[1], data.labels)
    if data.task.weighs_labels:
        names = [str(number) for number in range(data.labels)]
        given = class_weights(training.class_weights, names, numbers, training.oversample)
        weights = weights if given is None else given
        guess = trained_guess(
            guess, numbers, data.validation[1], weights,
            smoothing=training.label_smoothing, oversample=training.oversample,
        )  # fmt: skip
    model = Model(data.labels, seed)
    optimizer = Optimizer(settings.optimizer, model.parameters)
    plan = _plan(numbers, settings, seed)
    reports, since = [], []
    seen = 0
    for update, rows in enumerate(plan):
        loss, gradients = model.gradients(
            inputs[rows],
            partial(LOSSES[data.task.name], numbers[rows], weights, training.label_smoothing),
            settings.model.dropout,
        )
        since.append(float(loss))
        if not math.isfinite(since[-1]) or since[-1] > 1e4:
            return Trained(
                settings=settings, reports=reports, guess=guess, diverged="train_loss is inf"
            )
        norm = math.sqrt(sum((g**2).sum() for g in gradients))
        if training.clip_norm is not None and norm > training.clip_norm:
            gradients = [g * training.clip_norm / norm for g in gradients]
        rate = settings.schedule.learning_rate(settings.optimizer.learning_rate, update, len(plan))
        if training.freeze_layers:
            gradients[0] = gradients[0] * 0
            gradients[1] = gradients[1] * 0
        optimizer(model.parameters, gradients, rate)
        seen += len(rows)
        point = math.floor((update + 1) * training.evaluations / len(plan))
        if point > math.floor(update * training.evaluations / len(plan)):
            reports.append(
                _report(model, data, since, norm, point, update + 1, seen, plan, training)
            )
            since = []
    return Trained(settings=settings, reports=reports, guess=guess, diverged="")


def _plan(numbers, settings, seed):
    """The rows of each update."""
    training, rng = settings.training, np.random.default_rng([seed, 2])
    batch, total = settings.effective_batch_size, round(len(numbers) * training.epochs)
    rows = []
    for epoch in range(math.ceil(training.epochs)):
        order = np.arange(len(numbers))
        if training.oversample == "balanced":
            order = BalancedRows(numbers, seed).epoch(epoch)
        rows.append(rng.permutation(order))
    rows = np.concatenate(rows)[:total]
    return [rows[start : start + batch] for start in range(0, len(rows), batch)]


def _report(model, data, since, norm, point, updates, seen, plan, training):
    inputs, targets = data.validation
    found = data.task.evaluate(model.logits(inputs)[0], targets)
    score = next(iter(found.scores.values()))
    return Report(
        point=point,
        points=training.evaluations,
        final=point == training.evaluations,
        examples_seen=seen,
        total_examples=sum(map(len, plan)),
        updates=updates,
        skipped_updates=0,
        train_loss=statistics.fmean(since),
        train_loss_std=statistics.pstdev(since),
        train_loss_max=max(since),
        learning_rate=0.0,
        grad_norm=norm,
        weight_change=model.change,
        val_loss=found.loss,
        metrics={f"val_{name}": value for name, value in found.scores.items()},
        majority_share=found.majority_share,
        validation_examples=found.examples,
        fixed=FixedRows(
            examples=found.examples,
            loss=found.loss,
            loss_error=found.loss_error,
            score=score,
            majority_share=found.majority_share,
            association=found.association,
            error_within_strata=found.error_within_strata,
        ),
        examples_per_second=1.0,
        padding_fraction=0.0,
        peak_memory_bytes=0,
        seconds_training=1.0,
        seconds_evaluating=1.0,
    )


def advised(settings, advice):
    """Key to the settings that follow each piece of advice that has a value to try."""
    found = {}
    for line in advice.split("; "):
        key, _, rest = line.partition(": ")
        if " → try " not in rest:
            continue
        value, _, why = rest.partition(" → try ")[2].partition(" (")
        follows = with_value(settings, key, value)
        if why.startswith("with optimizer.learning_rate="):
            follows = with_value(follows, "optimizer.learning_rate", why.split("=")[1].rstrip(")"))
        found[key] = follows
    return found


def with_value(settings, key, text):
    """The settings with a key as the command line would set it."""
    group, _, name = key.partition(".")
    section = getattr(settings, group)
    if not name:
        return replace(settings, **{group: section | {"name": text}})
    if isinstance(section, dict):
        return replace(settings, **{group: section | {name: float(text)}})
    (kind,) = (type(getattr(section, f.name)) for f in fields(section) if f.name == name)
    value = (
        text if kind is str else float(text) if kind in (float, type(None)) else int(float(text))
    )
    return replace(settings, **{group: replace(section, **{name: value})})
