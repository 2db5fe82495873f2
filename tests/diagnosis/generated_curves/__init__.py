"""Labelled synthetic training curves, to judge the rules of convergence with.

Written from the meaning of the words alone and not from the rules, so that agreement between the
two says something. A curve is a clear case to somebody who sees its plot; its noise is that of
real evaluations. All loss curves are drawn as shares of the constant guess's loss (1.0 is the
guess itself) over the share of the budget that is spent, and turned into nats in the reports.

Noise: the rows of one trial are the same at every point, so most of their sampling error is an
offset that the points share; a third to a half of a standard error is new at each point. The
more certain a model is, the more the losses of its rows differ, so the noise grows with learning.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from tests.components import make_optimizer, make_schedule
from tests.diagnosis.generated_curves.kinds import KINDS
from tests.diagnosis.generated_curves.plan import Plan
from tests.diagnosis.generated_curves.reports import is_clear, keeps_above, measure
from tests.diagnosis.generated_curves.story import Story
from tuner.settings.settings import DataSettings, ModelSettings, TrainingSettings, TrialSettings
from tuner.tasks import Baseline
from tuner.trial.records import Convergence, Report

__all__ = ["KINDS", "Curve", "generate"]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One labelled trial.

    Attributes:
        status: Status that a person who sees the plot would give.
        kind: The variety of that status.
        reports: Reports that were made, possibly not for the whole budget.
        guess: The constant guess of the data.
        settings: A configuration that fits the story.
    """

    status: Convergence
    kind: str
    reports: tuple[Report, ...]
    guess: Baseline
    settings: TrialSettings


def generate(seed: int = 0, per_status: int = 60) -> list[Curve]:
    """Labelled curves, the kinds of a status in turn.

    Args:
        seed: Decides every curve; a curve does not depend on `per_status`.
        per_status: Curves for each of the eight statuses.
    """
    curves = []
    for place, (status, kinds) in enumerate(KINDS.items()):
        names = tuple(kinds)
        for index in range(per_status):
            rng = np.random.default_rng([seed, place, index])
            curves.append(_curve(status, names[index % len(names)], rng))
    return curves


def _curve(status: Convergence, kind: str, rng: Generator) -> Curve:
    """Draws until the case is clear."""
    maker, breaker = KINDS[status][kind]
    while True:
        plan, story = maker(rng)
        if not is_clear(plan, story):
            continue
        reports = measure(plan, story)
        if story.stays_above and not keeps_above(plan, reports):
            continue
        return Curve(
            status=status,
            kind=kind,
            reports=reports if breaker is None else breaker(plan, reports),
            guess=plan.labels.guess,
            settings=_settings(plan, story),
        )


def _settings(plan: Plan, story: Story) -> TrialSettings:
    training: dict[str, Any] = {
        "batch_size": plan.batch,
        "epochs": float(plan.epochs),
        "evaluations": plan.points,
        "interim_examples": None if plan.all_rows == plan.rows else plan.rows,
    }
    return TrialSettings(
        model=ModelSettings(checkpoint="bert-base-uncased"),
        data=DataSettings(format="csv", train="train.csv"),
        optimizer=make_optimizer(
            {"name": plan.optimizer, "learning_rate": plan.rate, "weight_decay": 0.01}
        ),
        schedule=make_schedule(plan.schedule),
        training=TrainingSettings(**(training | dict(story.training))),
    )
