"""Which searched keys decide how good a trial of an Optuna study gets."""

import math
import random
import warnings
from collections.abc import Mapping

import optuna
from optuna.study import StudyDirection
from optuna.trial import TrialState as OptunaState

from tuner.search.space import SearchSpace

TOP_SHARE = 0.1
"""Importances are those of getting among so many of the best completed trials."""

TOP_TRIALS = 5
"""Or among so many where a tenth is fewer: below that the estimate is not stable."""

SHUFFLES = 39
"""A key matters when no shuffling of the values makes it look as important: 1 in 40 by chance."""


def importances(study: optuna.Study, space: SearchSpace) -> dict[str, float]:
    """How much each searched key decides whether a completed trial is among the best.

    PED-ANOVA (Watanabe, Bansal & Hutter 2023), which compares how the values of the best
    trials are spread with how those of all are, conditional keys in the part of the space
    where they are asked. Of few trials it finds something in chance, too: what counts is what
    a key has more than with the objective shuffled among the trials, if it has more than with
    any of the shuffles (Altmann et al. 2010). Completed trials alone are counted.

    Args:
        study: Of several objectives the first counts.
        space: What it searches.

    Returns:
        Key to share, together 1, largest first, 0 for what may be chance; empty where nothing
        stands out from it, or there are fewer than two completed trials.
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
    """PED-ANOVA's measure for each key, not scaled, over all dimensions of the key.

    Args:
        study: Whose trials are looked at.
        space: What it searches.
        values: Objective of each completed trial, by its number.
    """
    # A second to import, and wanted once.
    from optuna.importance import (  # noqa: PLC0415
        PedAnovaImportanceEvaluator,
        get_param_importances,
    )

    sign = -1.0 if study.directions[0] is StudyDirection.MAXIMIZE else 1.0
    top = min(0.5, max(TOP_SHARE, TOP_TRIALS / len(values)))
    with warnings.catch_warnings():
        # It would warn of few trials, of values not scaled to 1, and that less is better.
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
