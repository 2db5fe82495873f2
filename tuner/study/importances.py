"""Importance of each searched key for the result of a trial."""

import math
import random
import warnings
from collections.abc import Mapping

import optuna
from optuna.study import StudyDirection
from optuna.trial import TrialState as OptunaState

from tuner.search.space import SearchSpace

TOP_SHARE = 0.1
"""Share of the completed trials that counts as the best."""

TOP_TRIALS = 5
"""Least number of trials that count as the best: below it the estimate is not stable."""

SHUFFLES = 39
"""Number of shuffles that a key must beat to matter: chance passes 1 time in 40."""


def importances(study: optuna.Study, space: SearchSpace) -> dict[str, float]:
    """Return how much each searched key decides whether a completed trial is among the best.

    PED-ANOVA (Watanabe, Bansal & Hutter 2023) compares the distribution of a key's values among
    the best trials with that among all trials; conditional keys are compared where they are
    active. With few trials it also finds importance by chance. A key therefore counts only if it
    beats every one of `SHUFFLES` shuffles of the objective, and only by the excess over their mean
    (Altmann et al. 2010).

    Args:
        study: Study of Optuna; of several objectives the first counts.
        space: Search space of the study.

    Returns:
        Key to share, together 1, largest first, 0 for what may be chance; empty if nothing exceeds
        chance, or fewer than two trials are completed.
    """
    trials = study.get_trials(deepcopy=False, states=(OptunaState.COMPLETE,))
    values = {t.number: t.values[0] for t in trials}
    if len(set(values.values())) < 2:  # noqa: PLR2004
        return {}
    found, shuffled = _divergences(study, space, values), list(values.values())
    by_chance = []
    generator = random.Random(0)  # noqa: S311
    for _ in range(SHUFFLES):
        generator.shuffle(shuffled)
        by_chance.append(_divergences(study, space, dict(zip(values, shuffled, strict=True))))
    excess = {
        key: found[key] - math.fsum(each[key] for each in by_chance) / SHUFFLES
        if found[key] > max(each[key] for each in by_chance)
        else 0.0
        for key in found
    }
    total = math.fsum(excess.values())
    if not total > 0.0:
        return {}
    return {key: excess[key] / total for key in sorted(excess, key=lambda key: -excess[key])}


def _divergences(
    study: optuna.Study, space: SearchSpace, values: Mapping[int, float]
) -> dict[str, float]:
    """Return PED-ANOVA's measure for each key, unscaled, summed over the dimensions of the key.

    Args:
        study: Study of Optuna.
        space: Search space of the study.
        values: Number of each completed trial to its objective.
    """
    # Takes a second to import and is needed once.
    from optuna.importance import (  # noqa: PLC0415
        PedAnovaImportanceEvaluator,
        get_param_importances,
    )

    sign = -1.0 if study.directions[0] is StudyDirection.MAXIMIZE else 1.0
    top = min(0.5, max(TOP_SHARE, TOP_TRIALS / len(values)))
    with warnings.catch_warnings():
        # It warns about few trials, unscaled values and a minimised target.
        warnings.simplefilter("ignore")
        found = get_param_importances(
            study,
            evaluator=PedAnovaImportanceEvaluator(target_quantile=top),
            target=lambda trial: sign * values.get(trial.number, math.nan),
            normalize=False,
        )
    return {
        key: math.fsum(found.get(dimension.name, 0.0) for dimension in space.of(key))
        for key in space.keys
    }
