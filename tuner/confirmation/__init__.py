"""Confirmation of the leading configurations with new seeds: plan, race, estimate, result."""

from tuner.confirmation.estimate import CONFIDENCE, Estimate, difference, estimate
from tuner.confirmation.final_evaluation import (
    TESTED,
    EvaluatedModel,
    FinalEvaluation,
    Score,
    evaluated_scores,
    overlap_warnings,
    scores_text,
    second_evaluation_refusal,
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
from tuner.confirmation.race import beaten_by
from tuner.confirmation.result import (
    Configuration,
    Confirmation,
    confirmation,
    is_raced_out,
    repeat_key,
    scores_of,
    with_intervals,
)
from tuner.confirmation.text import (
    HEADINGS,
    confirmation_lines,
    mean_text,
    more_seeds_override,
    table_row,
)

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
    "EvaluatedModel",
    "FinalEvaluation",
    "Score",
    "beaten_by",
    "confirmation",
    "confirmation_lines",
    "difference",
    "estimate",
    "evaluated_scores",
    "is_raced_out",
    "leaders",
    "mean_text",
    "more_seeds_override",
    "overlap_warnings",
    "repeat_key",
    "repeats",
    "scores_of",
    "scores_text",
    "searched_name",
    "second_evaluation_refusal",
    "study_name",
    "table_row",
    "with_intervals",
]
