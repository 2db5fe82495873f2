"""What a confirmation says, in words."""

from collections.abc import Iterator, Sequence

from tuner.core.confirmation.final_look import told_look
from tuner.core.confirmation.result import Configuration, Confirmation
from tuner.core.ranking import Direction

HEADINGS = ("trial", "mean", "95 % interval", "seeds", "promised", "")
"""Of a table of the configurations by rank."""

_SHOWN = 5e-5
"""What is not 0 to the four digits that are told."""


def told(found: Confirmation, objective: str, direction: Direction) -> list[str]:
    """The confirmed best, how sure it is, how much too good the search's best looked, its test.

    Args:
        found: The confirmation.
        objective: Metric name.
        direction: Which way it gets better.
    """
    return [
        _best(found, objective, direction),
        *_lead(found),
        *_optimism(found),
        *(told_look(found.final_look, found.best.trial) if found.final_look else ()),
    ]


def _notes(configuration: Configuration, seeds: int) -> str:
    """What is particular about one configuration's repeats; empty where nothing is."""
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


def _interval(configuration: Configuration) -> str:
    """The 95 % interval of a configuration's mean; empty where one repeat gives none."""
    mean, margin = configuration.estimate.mean, configuration.estimate.margin
    return "" if margin is None else f"{mean - margin:.4f} to {mean + margin:.4f}"


def cells(configuration: Configuration, found: Confirmation) -> Sequence[str]:
    """A row of the table `HEADINGS`."""
    return (
        str(configuration.trial),
        f"{configuration.estimate.mean:.4f}",
        _interval(configuration),
        str(len(configuration.scores)),
        f"{configuration.promised:.4f}",
        _notes(configuration, found.seeds),
    )


def mean_text(configuration: Configuration) -> str:
    """The mean of a configuration's repeats with its margin, and over how many seeds."""
    margin = configuration.estimate.margin
    sure = "" if margin is None else f" ± {margin:.4f} (95 %)"
    return f"{configuration.estimate.mean:.4f}{sure} over {len(configuration.scores)} new seeds"


def _best(found: Confirmation, objective: str, direction: Direction) -> str:
    text = f"Confirmed best: trial {found.best.trial}, {objective} {mean_text(found.best)}"
    if found.luck >= _SHOWN:
        text += f"; {found.corrected(direction):.4f} without the luck of being the best of "
        text += f"{len(found.configurations)} means"
    return text + "."


def _lead(found: Confirmation) -> Iterator[str]:
    if found.lead is None:
        return
    first, second = found.configurations[:2]
    by = f"{found.lead.mean:+.4f}"
    if found.lead.margin is not None:
        by += f" ± {found.lead.margin:.4f}"
    verdict = "outside" if found.lead.excludes_zero else "inside"
    yield (
        f"Trial {first.trial} against trial {second.trial}, seed by seed: {by}, {verdict} the "
        "noise."
    )


def _optimism(found: Confirmation) -> Iterator[str]:
    if found.optimism is None:
        return
    word = "above" if found.optimism >= 0 else "below"
    yield (
        f"The search's best trial had promised {abs(found.optimism):.4f} {word} what its "
        "configuration reached with new seeds."
    )
