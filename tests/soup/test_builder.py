"""Builders on made-up outputs: an average of models is the mean of their outputs."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import f1_score

from tuner.metrics import load, metric, records_of
from tuner.soup import Member
from tuner.soup.builder import Builder, Judge
from tuner.tasks import Classification, Multilabel

ROWS = 400
EVEN, ODD = np.arange(0, ROWS, 2), np.arange(1, ROWS, 2)
MEMBERS = tuple(Member(trial=number, seed=0) for number in range(4))
RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(0, 2, ROWS)


class Rows:
    """Validation rows with targets alone."""

    def __init__(self, targets):
        self.targets = targets

    def __len__(self):
        return len(self.targets)

    def truth(self, rows):
        return self.targets[rows]


class Means:
    """Models with made-up outputs, in the order of `MEMBERS`."""

    def __init__(self, outputs):
        self.of = dict(zip(MEMBERS, outputs, strict=False))
        self.last = None

    def outputs(self, members, rows):
        self.last = tuple(members)
        return np.mean([self.of[member] for member in members], axis=0)[rows]

    def part(self, outputs, rows):
        return outputs[rows]


def build(
    outputs,
    task=None,
    targets=LABELS,
    objective="val_accuracy",
    metrics=None,
    instead_of=None,
    together=1,
):
    """The soup of models whose even rows select, with its evaluation and its models."""
    data = SimpleNamespace(
        task=task or Classification(),
        validation=Rows(targets),
        halves=lambda: (EVEN, ODD),
        clusters=lambda rows: np.split(rows, len(rows) // together),
    )
    models = Means(outputs)
    judge = Judge(data=data, objective=objective, metrics=metrics or {})
    soup, evaluation = Builder(models, judge).soup(list(models.of), instead_of)
    assert models.last == soup.members  # which are then saved
    return soup, evaluation, models


def noisy(noise, even=None, random=RANDOM):
    """Logits of a label, with noise on all rows, or another one on the even rows."""
    strength = np.full(ROWS, float(noise))
    if even is not None:
        strength[EVEN] = even
    signal = 2.0 * LABELS - 1.0 + strength * random.normal(size=ROWS)
    return np.stack([-signal, signal], axis=1)


def test_an_average_of_models_with_errors_of_their_own_is_published():
    soup, evaluation, models = build([noisy(1.5) for _ in MEMBERS])
    assert soup.accepted
    assert len(soup.members) > 1
    assert (soup.selection_rows, soup.acceptance_rows) == (len(EVEN), len(ODD))
    right = {
        members: models.outputs(members, np.arange(ROWS)).argmax(axis=1) == LABELS
        for members in [soup.members, (soup.single,), (soup.single_of_all,)]
    }
    difference = right[soup.members][ODD].astype(float) - right[soup.single,][ODD]
    assert soup.gain.mean == pytest.approx(difference.mean())
    margin = 1.96 * difference.std(ddof=1) / np.sqrt(len(ODD))
    assert soup.gain.high - soup.gain.low == pytest.approx(2.0 * margin, rel=0.2)
    assert soup.gain.low < soup.gain.mean < soup.gain.high
    assert soup.scores["accuracy"].value == pytest.approx(right[soup.members].mean())
    assert soup.single_scores["accuracy"].value == right[soup.single_of_all,].mean()
    assert evaluation.scores["accuracy"] == soup.scores["accuracy"].value
    assert "loss" in soup.scores


def test_rows_of_one_context_are_drawn_together():
    """Four rows each are alike, so they are worth one: the interval is twice as wide."""
    targets, random = LABELS.copy(), np.random.default_rng(0)
    first, second = (noisy(1.5, random=random) for _ in range(2))
    for part in (targets, first, second):
        part[ODD] = np.repeat(part[ODD[::4]], 4, axis=0)
    soups = [build([first, second], targets=targets, together=n)[0] for n in (1, 4, len(ODD))]
    alone, grouped, single = (soup.gain for soup in soups)
    assert grouped.mean == alone.mean == single.mean
    widths = [gain.high - gain.low for gain in (alone, grouped)]
    assert widths[1] / widths[0] == pytest.approx(2.0, rel=0.3)
    assert single.low is None


def test_an_average_that_is_better_on_the_selecting_rows_only_is_rejected():
    """Each is right on half of the even rows; on the odd ones the second drowns the first."""
    sure = noisy(0.0)
    first, second = sure.copy(), sure.copy()
    first[EVEN[:90]] *= -0.5
    second[EVEN[100:]] *= -0.5
    second[ODD] *= -3.0
    soup, _, _ = build([first, second])
    assert len(soup.members) == 2
    assert soup.gain.mean == -1.0
    assert not soup.accepted


@pytest.mark.parametrize(
    ("loudness", "gain", "gain_of_all"),
    [(0.5, 0.5, 0.0), (3.0, 0.0, -0.5)],
)
def test_the_best_of_all_rows_is_compared_too(loudness, gain, gain_of_all):
    """The second selects less well; it is right on all odd rows, and the first on half of them."""
    first, second = noisy(0.0), noisy(0.0)
    first[EVEN[:10]] *= -0.5
    second[EVEN[10:30]] *= -0.5
    first[ODD[:100]] *= -loudness
    soup, _, _ = build([first, second])
    assert (soup.single, soup.single_of_all) == MEMBERS[:2]
    assert soup.members == MEMBERS[:2]
    assert (soup.gain.mean, soup.gain_of_all.mean) == (gain, gain_of_all)
    assert soup.accepted is (gain_of_all >= 0.0)


def test_the_model_that_is_published_otherwise_is_compared_too():
    """The third is the worst of all rows, and right on the odd ones, where it is drowned."""
    first, third = noisy(0.0), 0.1 * noisy(0.0)
    first[ODD[:100]] *= -1.0
    third[EVEN[:150]] *= -1.0
    soup, _, _ = build([first, first, third])
    assert soup.accepted
    assert soup.decisive == (MEMBERS[0], soup.gain)
    soup, _, _ = build([first, first, third], instead_of=MEMBERS[2])
    assert (soup.gain.mean, soup.gain_of_all, soup.gain_of_published.mean) == (0.0, None, -0.5)
    assert not soup.accepted
    assert soup.decisive == (MEMBERS[2], soup.gain_of_published)


def test_a_single_member_is_no_soup():
    """The others are wrong everywhere, and loud."""
    right = noisy(0.1)
    soup, _, _ = build([right, -9.0 * right, -9.0 * right])
    assert soup.members == MEMBERS[:1]
    assert soup.gain is None
    assert not soup.accepted


def test_a_loss_is_better_when_it_is_smaller():
    outputs = [noisy(1.0), noisy(1.0)]
    soup, evaluation, models = build(outputs, objective="val_loss")

    def loss(members):
        logits = models.outputs(members, ODD)
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return -np.log(shares[np.arange(len(ODD)), LABELS[ODD]]).mean()

    assert soup.steps[0].alone < soup.steps[1].alone
    assert soup.accepted
    assert soup.gain.mean == pytest.approx(loss([soup.single]) - loss(soup.members))
    assert soup.gain.mean > 0.0
    assert evaluation.loss == soup.scores["loss"].value


def test_a_metric_of_the_user_selects():
    @metric("misses", direction="minimize", low=0.0)
    def misses(targets, predictions):
        if len(set(targets.tolist())) < 2:
            raise ValueError("one label")
        return float((predictions.argmax(axis=1) != targets).sum())

    known = {record: load(record) for record in records_of([misses])}
    outputs = [noisy(1.5) for _ in MEMBERS]
    soup, _, models = build(outputs, objective="val_misses", metrics=known)
    wrong = {
        members: (models.outputs(members, ODD).argmax(axis=1) != LABELS[ODD]).sum()
        for members in [soup.members, (soup.single,)]
    }
    assert soup.gain.mean == wrong[soup.single,] - wrong[soup.members]
    assert soup.scores["misses"].error > 0.0


def test_thresholds_of_the_accepting_rows_are_those_of_the_others():
    """They are chosen anew for the average, and for what is saved on all rows."""
    true = RANDOM.integers(0, 2, (ROWS, 3)).astype(np.float32)
    outputs = [2.0 * true - 2.5 + RANDOM.normal(0.0, 1.2, true.shape) for _ in MEMBERS]
    task = Multilabel()
    soup, evaluation, models = build(outputs, task, true, "val_micro_f1")
    assert len(soup.members) > 1

    def score(members):
        chosen = task.evaluate(models.outputs(members, EVEN), true[EVEN]).thresholds
        shares = 1.0 / (1.0 + np.exp(-models.outputs(members, ODD)))
        return f1_score(true[ODD], shares > np.array(chosen), average="micro")

    assert soup.gain.mean == pytest.approx(score(soup.members) - score([soup.single]))
    everything = np.arange(ROWS)
    of_all = task.evaluate(models.outputs(soup.members, everything), true)
    assert evaluation.thresholds == of_all.thresholds
    assert evaluation.thresholds != task.evaluate(outputs[0], true).thresholds
