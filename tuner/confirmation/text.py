"""Text of a confirmation."""

from collections.abc import Iterator, Sequence

from tuner.confirmation.estimate import FEW, Estimate, interval_narrowing
from tuner.confirmation.final_evaluation import final_evaluation_text
from tuner.confirmation.result import Configuration, Confirmation
from tuner.search.goals import Goals, score
from tuner.trial.model_identity import KeptModel

HEADINGS = ("trial", "mean", "95 % interval", "seeds", "promised", "")
"""Headings of the table of configurations by rank."""

_WORTH_SUGGESTING = 1.5
"""Factor by which more seeds must narrow an interval to be worth suggesting."""

_SHOWN = 5e-5
"""Least absolute value that is not 0 with four digits."""


def confirmation_lines(
    found: Confirmation, goals: Goals, soup: KeptModel | None = None
) -> list[str]:
    """Return sentences on the confirmed best, its certainty, the search's optimism and its test.

    Args:
        found: Result of the confirmation.
        goals: Goals of the study.
        soup: Soup that is published in place of its best repeat; None if there is none.
    """
    seed = found.best.seeds_by_score(goals.direction)[0]
    published = soup or KeptModel(trial=found.best.trial, seed=seed)
    return [
        _best(found, goals),
        *_few_seeds(found.best),
        *_lead(found),
        *_optimism(found),
        *(
            final_evaluation_text(found.final_evaluation, published, goals)
            if found.final_evaluation
            else ()
        ),
    ]


def _notes(configuration: Configuration, seeds: int) -> str:
    """Return remarks on a configuration's repeats; empty if there are none."""
    parts = []
    if configuration.raced_out:
        parts.append("could no longer win")
    if configuration.broken:
        parts.append(f"{configuration.broken} diverged, learned nothing or missed a constraint")
    if configuration.not_learning:
        parts.append(f"{configuration.not_learning} did not beat the constant guess")
    lost = seeds - len(configuration.scores) - configuration.broken
    if lost > 0 and not configuration.raced_out:
        parts.append(f"{lost} failed")
    return ", ".join(parts)


def _ends(found: Estimate) -> str:
    """Return both ends of an interval; empty without an interval."""
    return "" if found.interval is None else " to ".join(map(score, found.interval))


def table_row(configuration: Configuration, found: Confirmation) -> Sequence[str]:
    """Return a row of the table `HEADINGS`."""
    return (
        str(configuration.trial),
        score(configuration.estimate.mean),
        _ends(configuration.estimate),
        str(len(configuration.scores)),
        score(configuration.promised),
        _notes(configuration, found.seeds),
    )


def mean_text(configuration: Configuration) -> str:
    """Return the mean of a configuration's repeats with its interval and number of seeds."""
    ends = _ends(configuration.estimate)
    sure = f" (95 % interval {ends})" if ends else ""
    seeds = len(configuration.scores)
    over = f"{seeds} new seed" if seeds == 1 else f"{seeds} new seeds"
    return f"{score(configuration.estimate.mean)}{sure} over {over}"


def _few_seeds(configuration: Configuration) -> Iterator[str]:
    """Yield a warning if a configuration has too few seeds."""
    seeds, scores = len(configuration.scores), configuration.scores.values()
    if seeds == 1:
        yield "One seed does not show how much others would differ."
    elif max(scores) == min(scores):
        yield (
            f"All {seeds} seeds gave the same score, which does not show how much others would "
            "differ."
        )
    elif (narrower := interval_narrowing(seeds, FEW)) >= _WORTH_SUGGESTING:
        yield (
            f"{seeds} seeds are few: with the same deviation {FEW} would give an interval "
            f"{narrower:.0f} times narrower."
        )


def more_seeds_override(configuration: Configuration) -> dict[str, str]:
    """Return key to override of more seeds for a more certain mean; empty if there are enough."""
    seeds, scores = len(configuration.scores), configuration.scores.values()
    is_flat = seeds > 1 and max(scores) == min(scores)
    is_few = seeds == 1 or (not is_flat and interval_narrowing(seeds, FEW) >= _WORTH_SUGGESTING)
    return {"sweep.confirm.seeds": f"sweep.confirm.seeds={FEW}"} if is_few else {}


def _best(found: Confirmation, goals: Goals) -> str:
    text = f"Confirmed best: trial {found.best.trial}, {goals.objective} {mean_text(found.best)}"
    if found.luck >= _SHOWN:
        text += f"; {found.corrected(goals):.4f} without the luck of being the best of "
        text += f"{len(found.configurations)} means"
    return text + "."


def _lead(found: Confirmation) -> Iterator[str]:
    if found.lead is None:
        return
    first, second = found.configurations[:2]
    by = f"Trial {first.trial} against trial {second.trial}, seed by seed: {found.lead.mean:+.4f}"
    if found.lead.interval is None:
        yield f"{by}; these seeds do not show how large the noise is."
        return
    low, high = found.lead.interval
    verdict = "outside" if found.lead.excludes_zero else "inside"
    yield f"{by} (95 % interval {low:+.4f} to {high:+.4f}), {verdict} the noise."


def _optimism(found: Confirmation) -> Iterator[str]:
    if found.optimism is None:
        return
    word = "above" if found.optimism >= 0 else "below"
    yield (
        f"The search's best trial had promised {abs(found.optimism):.4f} {word} what its "
        "configuration reached with new seeds."
    )
