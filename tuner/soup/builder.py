"""Selection of a soup's members by their outputs for validation rows, and its comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tuner.confirmation import evaluated_scores
from tuner.data import PreparedData
from tuner.diagnosis.sweep.noise import CRITICAL
from tuner.errors import InputError
from tuner.fields.intervals import within
from tuner.metrics import Metric, MetricRecord, with_metrics
from tuner.metrics.measure import SEED
from tuner.metrics.metric import RESAMPLES
from tuner.settings.objectives import measured_scores, sign
from tuner.soup.records import Gain, Member, Soup
from tuner.soup.selection import ordered, rejection, select
from tuner.tasks import Evaluation, Score

Rows = NDArray[np.int64]
Outputs = NDArray[np.float64]


class Models(Protocol):
    """Averages of members, of which the last one is kept."""

    def outputs(self, members: Sequence[Member], rows: Rows) -> Outputs:
        """Average some members, and return the outputs for some validation rows."""

    def part(self, outputs: Outputs, rows: Rows) -> Outputs:
        """Return the outputs for some rows from those for all."""


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Scores outputs for validation rows by the objective of a sweep."""

    data: PreparedData
    """Data with the rows."""
    objective: str
    """Metric, such as `val_accuracy`."""
    metrics: Mapping[MetricRecord, Metric]
    """Users' metrics."""

    @property
    def score(self) -> Score:
        """Direction and range of the objective."""
        return measured_scores(type(self.data.task), self.metrics)[self.objective]

    @property
    def sign(self) -> float:
        """Factor that turns values so that larger is better."""
        return sign(self.score.direction)

    def evaluate(
        self,
        outputs: Outputs,
        rows: Rows,
        thresholds: Sequence[float] | None = None,
        *,
        with_errors: bool = False,
    ) -> Evaluation:
        """Return the worth of outputs.

        Args:
            outputs: Outputs for the rows.
            rows: Row indices, of which some may come repeatedly.
            thresholds: Probabilities above which labels are predicted; None: chosen on the rows.
            with_errors: True if standard errors of users' metrics are needed.
        """
        task, truth = self.data.task, self.data.validation.truth(rows)
        found = task.evaluate(outputs, truth, thresholds)
        if not self.metrics:
            return found
        given = task.for_metrics(outputs, truth, found.thresholds)
        return with_metrics(found, self.metrics, *given, with_errors=with_errors)

    def value(self, evaluation: Evaluation) -> float:
        """Return the objective of an evaluation."""
        name = self.objective.removeprefix("val_")
        return evaluation.loss if name == "loss" else evaluation.scores[name]


class Builder:
    """Builder of one soup, from models and the rows that judge them."""

    def __init__(self, models: Models, judge: Judge) -> None:
        """Bind the parts together; `soup` computes.

        Args:
            models: Averages of the candidates.
            judge: Scores them; there are two validation rows at least.
        """
        self._models = models
        self._judge = judge
        self._all = np.arange(len(judge.data.validation))
        self._selecting, self._accepting = judge.data.halves()

    def soup(
        self, candidates: Sequence[Member], instead_of: Member | None = None
    ) -> tuple[Soup, Evaluation]:
        """Select members and compare their average with the best of them.

        The last average that is asked of the models is the soup.

        Args:
            candidates: Models to select from, two or more.
            instead_of: Candidate that is published without a soup; None: the best by all rows.

        Returns:
            The soup, and its evaluation on all validation rows.
        """
        judge, everything = self._judge, self._all
        alone = {each: self._models.outputs([each], everything) for each in candidates}
        on_all = {each: judge.value(judge.evaluate(alone[each], everything)) for each in alone}
        on_half = {each: judge.value(self._selection(alone[each])) for each in alone}
        steps = tuple(select(on_half, self._selection_score, judge.sign))
        single, best = steps[0].member, ordered(on_all, judge.sign)[0]
        members = [step.member for step in steps if step.kept]
        outputs = self._models.outputs(members, everything)
        published = instead_of or best
        gains: dict[Member, Gain] = {}
        if len(members) > 1:
            compared = {single, best, published}
            gains = {each: self._gain(outputs, alone[each]) for each in compared}
        # Each model is compared once, also where it is the best in more than one respect.
        gain, gain_of_all = gains.pop(single, None), gains.pop(best, None)
        gain_of_published = gains.pop(published, None)
        evaluation = judge.evaluate(outputs, everything, with_errors=True)
        of_best = judge.evaluate(alone[best], everything, with_errors=True)
        soup = Soup(
            objective=judge.objective,
            steps=steps,
            single=single,
            single_of_all=best,
            instead_of=published,
            selection_rows=len(self._selecting),
            acceptance_rows=len(self._accepting),
            gain=gain,
            gain_of_all=gain_of_all,
            gain_of_published=gain_of_published,
            scores=evaluated_scores(evaluation, with_loss=True),
            single_scores=evaluated_scores(of_best, with_loss=True),
            rejected=rejection(len(members), gain, gain_of_all, gain_of_published),
        )
        return soup, evaluation

    def _selection_score(self, members: Sequence[Member]) -> float:
        """Score of an average on the rows that select."""
        rows = self._selecting
        outputs = self._models.outputs(members, rows)
        return self._judge.value(self._judge.evaluate(outputs, rows))

    def _selection(self, outputs: Outputs) -> Evaluation:
        """Evaluation on the rows that select, from the outputs for all."""
        rows = self._selecting
        return self._judge.evaluate(self._models.part(outputs, rows), rows)

    def _gain(self, outputs: Outputs, other: Outputs) -> Gain:
        """Gain of an average over another model on the rows that accept.

        Thresholds are those of the rows that select, as they would be for new rows. The interval
        is that of a paired bootstrap over the rows (Efron 1979), whatever the score; rows of one
        context are drawn together, since they are not independent.
        """
        limits = [self._selection(each).thresholds for each in (outputs, other)]

        def difference(rows: Rows) -> float:
            one, two = (
                self._judge.evaluate(self._models.part(each, rows), rows, thresholds)
                for each, thresholds in zip((outputs, other), limits, strict=True)
            )
            return self._judge.sign * (self._judge.value(one) - self._judge.value(two))

        random, rows = np.random.default_rng(SEED), self._accepting
        clusters = self._judge.data.clusters(rows)
        drawn = []
        for _ in range(RESAMPLES):
            chosen = random.integers(len(clusters), size=len(clusters))
            try:
                drawn.append(difference(np.concatenate([clusters[each] for each in chosen])))
            except InputError:  # A user's metric is not defined for these rows.
                continue
        mean, known = difference(rows), [each for each in drawn if np.isfinite(each)]
        if not np.isfinite(mean) or len(known) <= RESAMPLES // 2 or len(clusters) == 1:
            return Gain(mean=mean)
        margin = CRITICAL * float(np.std(known, ddof=1))
        low, high = within(self._judge.score.values.of_difference(), mean, margin)
        return Gain(mean=mean, low=low, high=high)
