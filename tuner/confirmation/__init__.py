"""The leading configurations trained again with new seeds: which are worth it, what they say."""

from tuner.confirmation.estimate import CONFIDENCE, Estimate, difference, estimate
from tuner.confirmation.final_evaluation import (
    TESTED,
    FinalEvaluation,
    Score,
    Subject,
    overlap,
    refusal,
    scored,
    scores_text,
)
from tuner.confirmation.plan import (
    CONFIRMED,
    CONFIRMS,
    SEED,
    STUDY,
    leaders,
    repeats,
    searched_name,
    study_name,
)
from tuner.confirmation.race import beaten
from tuner.confirmation.result import (
    Configuration,
    Confirmation,
    confirmation,
    is_raced_out,
    origin,
    scores_of,
    with_intervals,
)
from tuner.confirmation.text import HEADINGS, cells, mean_text, more_seeds, told

__all__ = [
    "CONFIDENCE",
    "CONFIRMED",
    "CONFIRMS",
    "HEADINGS",
    "SEED",
    "STUDY",
    "TESTED",
    "Configuration",
    "Confirmation",
    "Estimate",
    "FinalEvaluation",
    "Score",
    "Subject",
    "beaten",
    "cells",
    "confirmation",
    "difference",
    "estimate",
    "is_raced_out",
    "leaders",
    "mean_text",
    "more_seeds",
    "origin",
    "overlap",
    "refusal",
    "repeats",
    "scored",
    "scores_of",
    "scores_text",
    "searched_name",
    "study_name",
    "told",
    "with_intervals",
]
