"""Choice of the trials of a study to export."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tuner.search.goals import Goals
from tuner.search.pareto import by_preference
from tuner.search.ranking import is_usable, unmet_text
from tuner.settings.export import ExportSettings
from tuner.settings.objectives import sign
from tuner.trial.records import TrialOutcome, TrialState


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Trials to export."""

    outcomes: tuple[TrialOutcome, ...] = ()
    """Trials, best first; empty if none qualifies."""

    reason: str = ""
    """Reason why there are none, as a sentence."""


def choose(
    outcomes: Sequence[TrialOutcome],
    goals: Goals,
    settings: ExportSettings,
    confirmed: Sequence[int] = (),
) -> Choice:
    """Choose the trials to export.

    Args:
        outcomes: Outcomes of all ended trials.
        goals: Goals of the study.
        settings: Settings of the export.
        confirmed: Numbers of the confirmed trials, best first; they precede the others.

    Returns:
        Up to `top` completed trials with the wanted status that beat the constant guess, or the
        one that is named, whatever its result.
    """
    place = {number: place for place, number in enumerate(confirmed)}
    ordered = by_preference(outcomes, goals, settings.pick, settings.weights)
    ordered.sort(key=lambda o: place.get(o.number, len(place)))
    completed = [outcome for outcome in ordered if outcome.state is TrialState.COMPLETE]
    if settings.trial is not None:
        return _named(outcomes, settings.trial)
    if not completed:
        return Choice(reason=f"no trial completed ({_counted(o.state for o in outcomes)})")
    usable = [outcome for outcome in completed if is_usable(outcome)]
    if not usable:
        return Choice(reason=unmet_text(completed))
    wanted = [o for o in usable if settings.convergence in (None, _status(o))]
    if not wanted:
        found = _counted(map(_status, usable))
        return Choice(
            reason=f"none of the {len(usable)} completed trials is {settings.convergence} "
            f"({found})"
        )
    good = [outcome for outcome in wanted if learned(outcome, goals)]
    if not good:
        return Choice(reason=f"none of {len(wanted)} trials beats the constant guess")
    return Choice(outcomes=tuple(good[: settings.top]))


def learned(outcome: TrialOutcome, goals: Goals) -> bool:
    """Return True if a trial ended better than the best constant guess.

    Args:
        outcome: Outcome of the trial.
        goals: Goals of its study.
    """
    last, guess = outcome.last, outcome.guess
    if last is None or guess is None:
        return True
    name = f"val_{guess.name}"
    score = goals.scores.get(name)
    if last.val_loss < guess.loss or score is None:  # A package may name another score.
        return last.val_loss < guess.loss
    return sign(score.direction) * (last.metrics.get(name, guess.score) - guess.score) > 0.0


def _named(outcomes: Sequence[TrialOutcome], number: int) -> Choice:
    found = next((outcome for outcome in outcomes if outcome.number == number), None)
    if found is None:
        ended = ", ".join(str(outcome.number) for outcome in outcomes) or "none"
        return Choice(reason=f"no trial {number} has ended (ended: {ended})")
    return Choice(outcomes=(found,))


def _status(outcome: TrialOutcome) -> str:
    return outcome.diagnosis.status.value if outcome.diagnosis is not None else "undetermined"


def _counted(words: object) -> str:
    counts = Counter(words)  # type: ignore[call-overload]
    return ", ".join(f"{count} {word}" for word, count in counts.items()) or "none has ended"
