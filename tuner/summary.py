"""The end of a sweep: its figures, the ranked table, the reading of it, what to do next."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tuner.core.confirmation import HEADINGS, Confirmation, cells, told
from tuner.core.goals import Goals, score
from tuner.core.pareto import best, front
from tuner.core.ranking import counts, gain, is_usable, unmet
from tuner.core.reading import SweepReading, lines, statements
from tuner.core.trial import UNTUNED, TrialOutcome, TrialState
from tuner.errors import INTERRUPTED
from tuner.markdown import code, prose
from tuner.tables import confirmation_table, ranking_table
from tuner.terminal import parameters_text, say, stop_reasons


@dataclass(frozen=True, kw_only=True)
class Closing:
    """All that the end of a sweep is told from.

    Attributes:
        study: The study's name.
        goals: What the study is run for.
        outcomes: Of the whole study, what to take first.
        reading: What they say as a whole.
        confirmation: What the leading configurations reached with new seeds; None: not tried.
        model_note: What to know of best_model/; None where it is the best's.
        interrupted: Somebody stopped it.
        failed: Causes of the failures in a row that stopped it; empty where it did not stop.
        seconds: From the command to here.
        busy: Of all slots, inside updates and evaluation, since the command.
        slots: Trials at a time; 0: agents on other machines ran them.
        best_file: best.yaml, which may not exist.
        review: How to see the runs in MLflow.
        keys: The searched keys, in the order of the space.
    """

    study: str
    goals: Goals
    outcomes: Sequence[TrialOutcome]
    reading: SweepReading
    interrupted: bool
    failed: str
    seconds: float
    busy: float
    slots: int
    best_file: Path
    review: str
    keys: Sequence[str] = ()
    confirmation: Confirmation | None = None
    model_note: str | None = None

    @property
    def best(self) -> TrialOutcome | None:
        """The trial to take."""
        return best(self.outcomes, self.goals)

    @property
    def objective(self) -> str:
        """The first objective."""
        return self.goals.objective

    @property
    def efficiency(self) -> float:
        """Share of the slots' time that was spent inside updates and evaluation."""
        return self.busy / (self.slots * self.seconds) if self.slots else 0.0

    @property
    def exit_code(self) -> int:
        """0 done, 1 nothing usable came out, 130 interrupted."""
        if self.interrupted:
            return INTERRUPTED
        return 1 if self.failed or self.best is None else 0

    def metrics(self) -> dict[str, float]:
        """Metrics of the sweep's own run in MLflow."""
        counted = counts(self.outcomes)
        found = (
            {}
            if self.best is None or self.best.value is None
            else {"best_objective": self.best.value}
        )
        return {
            **found,
            **_confirmed_metrics(self.confirmation, self.goals.objective),
            **({"sweep_efficiency": self.efficiency} if self.busy else {}),
            **{
                f"trials_{state.value}": float(counted[state])
                for state in (
                    TrialState.COMPLETE,
                    TrialState.PRUNED,
                    TrialState.INFEASIBLE,
                    TrialState.FAILED,
                )
            },
            **{
                f"trials_{status}": float(number)
                for status, number in self.reading.statuses.items()
            },
        }


def _confirmed_metrics(found: Confirmation | None, objective: str) -> dict[str, float]:
    if found is None:
        return {}
    told = {
        "confirmed_objective": found.best.estimate.mean,
        "confirmed_low": found.best.estimate.low,
        "confirmed_high": found.best.estimate.high,
        "confirmed_corrected": found.corrected(objective),
        "search_optimism": found.optimism,
    }
    tested = found.final_look.metrics if found.final_look else {}
    return {name: value for name, value in told.items() if value is not None} | tested


def gained(closing: Closing) -> str:
    """What tuning gained over the untuned default, trial 0."""
    winner = closing.best
    default = next((o for o in closing.outcomes if o.number == UNTUNED), None)
    if winner is None or winner.value is None:
        return _none_usable(closing)
    of = " of the search" if closing.confirmation is not None else ""
    head = f"Best{of}: trial {winner.number}, {closing.goals.told(winner)}"
    if closing.goals.several:
        return f"{head}; {_traded(closing, default)}"
    if default is None or default.value is None:
        return f"{head}; the untuned default (trial 0) did not complete."
    if default.violated:
        return f"{head}; the untuned default (trial 0) misses {'; '.join(default.violated)}."
    if winner.number == UNTUNED:
        return f"{head}: the untuned default; tuning gained nothing."
    better = gain(winner.value, default.value, closing.goals.direction)
    return (
        f"{head}; the untuned default (trial 0) {default.value:.4f}: tuning gained {better:.4f}."
    )


def _none_usable(closing: Closing) -> str:
    completed = [outcome for outcome in closing.outcomes if outcome.value is not None]
    if not completed:
        return "No trial completed."
    told = unmet(completed)
    return f"{told[0].upper()}{told[1:]}."


def _traded(closing: Closing, default: TrialOutcome | None) -> str:
    """What else there is to take, and what the untuned default reached."""
    best_ones = front(closing.outcomes, closing.goals)
    found = "the only one that no other trial beats in all objectives"
    if len(best_ones) > 1:
        others = ", ".join(str(each.number) for each in best_ones if each is not closing.best)
        found = f"the knee of {len(best_ones)} trials that none beats in all objectives ({others})"
    if default is None or default.value is None:
        return f"{found}; the untuned default (trial 0) did not complete."
    return f"{found}; the untuned default (trial 0): {closing.goals.told(default)}."


def counts_text(closing: Closing) -> str:
    """How many trials ended in which state, and how the time was spent."""
    counted = counts(closing.outcomes)
    states = ", ".join(f"{number} {state.value}" for state, number in counted.items() if number)
    text = f"{len(closing.outcomes)} trials: {states or 'none has ended'}; {closing.seconds:.0f} s"
    if not closing.slots:
        return text
    return f"{text}, sweep efficiency {closing.efficiency:.2f} on {closing.slots} slots"


def show(closing: Closing, console: Console) -> None:
    """Prints the end of the sweep."""
    given = {key for outcome in closing.outcomes for key in outcome.parameters}
    searched = [key for key in closing.keys if key in given]
    keys = [*searched, *sorted(given.difference(searched))]
    if closing.outcomes:
        console.print()
        console.print(ranking_table(closing.outcomes, closing.goals, keys))
    _section(console, "Why the others stopped", stop_reasons(closing.outcomes))
    _section(console, "Reading", lines(closing.reading, closing.study))
    if closing.confirmation is not None:
        console.print("\nConfirmed with new seeds", style="bold")
        console.print(confirmation_table(closing.confirmation))
        for line in _told(closing, closing.confirmation):
            say(console, line)
    console.print()
    for line in (gained(closing), counts_text(closing)):
        say(console, line)
    if closing.failed:
        text = f"Stopped after failures in a row (sweep.max_failures): {closing.failed}"
        say(console, text, style="red")
    if closing.model_note is not None:
        say(console, closing.model_note, style="yellow")
    for label, text in [("review", closing.review), *_next_steps(closing)]:
        say(console, f"{label:<13} {text}")


def _told(closing: Closing, found: Confirmation) -> list[str]:
    return told(found, closing.objective)


def _section(console: Console, title: str, texts: Sequence[str]) -> None:
    if texts:
        console.print(f"\n{title}", style="bold")
    for text in texts:
        say(console, text)


def _next_steps(closing: Closing) -> list[tuple[str, str]]:
    steps = []
    if closing.best is not None:
        steps.append(("best", str(closing.best_file)))
        file = shlex.quote(str(closing.best_file))
        steps.append(("next", f"python -m tuner train {file}"))
    if closing.interrupted:
        steps.append(("resume", "the same command goes on where this one stopped"))
    return steps


def description(closing: Closing) -> str:
    """The sweep's run in MLflow, described in Markdown; trials are links to their runs."""
    ranked = [outcome for outcome in closing.outcomes if is_usable(outcome)]
    rows = [
        f"| {rank} | {_link(o)} | {' | '.join(_scores(o, closing.goals))} "
        f"| {o.diagnosis.status if o.diagnosis else ''} | {code(parameters_text(o.parameters))} |"
        for rank, o in enumerate(ranked, start=1)
    ]
    unranked = [
        f"{_link(o)} {prose('; '.join(o.violated)) or o.state.value}"
        for o in closing.outcomes
        if not is_usable(o)
    ]
    columns = ["rank", "trial", *closing.goals.watched, "convergence", "parameters"]
    return "\n".join(
        [
            gained(closing),
            "",
            counts_text(closing),
            "",
            *([closing.model_note, ""] if closing.model_note is not None else []),
            *_confirmation(closing),
            *_reading(closing),
            *(f"- {label}: {code(text)}" for label, text in _next_steps(closing)),
            "",
            f"| {' | '.join(columns)} |",
            "|---" * len(columns) + "|",
            *rows,
            *(["", f"Not ranked: {', '.join(unranked)}"] if unranked else []),
        ]
    )


def _scores(outcome: TrialOutcome, goals: Goals) -> list[str]:
    values = goals.values(outcome)
    return [score(values[name]) for name in goals.watched]


def _link(outcome: TrialOutcome) -> str:
    """A link to the trial's run, as `tuner.tracking` takes it."""
    return f"[{outcome.number}](trial:{outcome.number})"


def _confirmation(closing: Closing) -> list[str]:
    """Above the reading, since it corrects the first line."""
    found = closing.confirmation
    if found is None:
        return []
    rows = [cells(configuration, found) for configuration in found.configurations]
    return [
        "**Confirmed with new seeds**",
        "",
        *(f"- {line}" for line in _told(closing, found)),
        "",
        *(f"| {' | '.join(row)} |" for row in (HEADINGS, ["---"] * len(HEADINGS))),
        *(f"| [{trial}](trial:{trial}) | {' | '.join(rest)} |" for trial, *rest in rows),
        "",
    ]


def _reading(closing: Closing) -> list[str]:
    """Above the table, since MLflow shows no more than the beginning of a long description."""
    told = statements(closing.reading, closing.study)
    points = [
        f"- {prose(each.text)}: {code(each.command)}" if each.command else f"- {prose(each.text)}"
        for each in told
    ]
    return ["**Reading**", "", *points, ""] if points else []
