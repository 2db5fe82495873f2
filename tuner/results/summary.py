"""The end of a sweep: its figures, the ranked table, the reading of it, what to do next."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tuner.confirmation import (
    HEADINGS,
    Confirmation,
    confirmation_lines,
    more_seeds_override,
    table_row,
)
from tuner.diagnosis.sweep import FollowUp, Statement, SweepReading, statements
from tuner.errors import INTERRUPTED
from tuner.formatting.markdown import code, prose
from tuner.processes.invocation import Invocation
from tuner.results.class_table import class_lines, class_table
from tuner.results.pasted import print_command, print_place
from tuner.results.stops import stops
from tuner.results.tables import confirmation_table, ranking_table
from tuner.results.terminal import parameters_text, say
from tuner.results.time_spent import TimeSpent
from tuner.search.goals import Goals, score
from tuner.search.pareto import best, front
from tuner.search.ranking import counts, gain, is_usable, unmet_text
from tuner.trial.class_scores import ShownScores, class_scores, shown_scores
from tuner.trial.records import UNTUNED, TrialOutcome, TrialState


@dataclass(frozen=True, kw_only=True)
class SweepSummary:
    """All that the end of a sweep is told from."""

    study: str
    """The study's name."""
    goals: Goals
    """What the study is run for."""
    outcomes: Sequence[TrialOutcome]
    """Of the whole study, what to take first."""
    reading: SweepReading
    """What they say as a whole."""
    interrupted: bool
    """Somebody stopped it."""
    failed: str
    """Causes of the failures in a row that stopped it; empty where it did not stop."""
    time: TimeSpent
    """Time since the command, and of all trials."""
    best_file: Path
    """best.yaml, which may not exist."""
    review: Sequence[str]
    """How to see the runs in MLflow: what to type or to open, each a line."""
    invocation: Invocation
    """The command line of this start."""
    is_taken: Callable[[str], bool]
    """True for the name of a study that there is already."""
    page: Path | None = None
    """The HTML report; None where it was not written."""
    labels: Sequence[str] = ()
    """Names of the best trial's labels, in the order of their numbers."""
    keys: Sequence[str] = ()
    """The searched keys, in the order of the space."""
    confirmation: Confirmation | None = None
    """What the leading configurations reached with new seeds; None: not tried."""
    model_note: str | None = None
    """What to know of best_model/; None where it is the best's."""

    @cached_property
    def best(self) -> TrialOutcome | None:
        """The trial to take."""
        return best(self.outcomes, self.goals)

    @property
    def objective(self) -> str:
        """The first objective."""
        return self.goals.objective

    @property
    def rerun(self) -> FollowUp:
        """What can be run after the sweep."""
        return FollowUp(
            study=self.study,
            command_with=self.invocation.changed,
            study_exists=self.is_taken,
            is_confirmed=self.confirmation is not None,
        )

    @cached_property
    def class_scores(self) -> ShownScores | None:
        """Scores of the best trial by class; None where its matrix is not known."""
        best = self.best
        if best is None or best.last is None or not best.last.confusion:
            return None
        return shown_scores(class_scores(best.last.confusion, self.labels))

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
            **_efficiency(self.time),
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


def _efficiency(time: TimeSpent) -> dict[str, float]:
    return {} if time.efficiency is None else {"sweep_efficiency": time.efficiency}


def _confirmed_metrics(found: Confirmation | None, objective: str) -> dict[str, float]:
    if found is None:
        return {}
    metrics = {
        "confirmed_objective": found.best.estimate.mean,
        "confirmed_low": found.best.estimate.low,
        "confirmed_high": found.best.estimate.high,
        "confirmed_corrected": found.corrected(objective),
        "search_optimism": found.optimism,
    }
    tested = found.final_evaluation.metrics if found.final_evaluation else {}
    return {name: value for name, value in metrics.items() if value is not None} | tested


def gained(closing: SweepSummary) -> str:
    """What tuning gained over the untuned default, trial 0."""
    winner = closing.best
    default = next((o for o in closing.outcomes if o.number == UNTUNED), None)
    if winner is None or winner.value is None:
        return _none_usable(closing)
    of = " of the search" if closing.confirmation is not None else ""
    head = f"Best{of}: trial {winner.number}, {closing.goals.objectives_text(winner)}"
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


def _none_usable(closing: SweepSummary) -> str:
    completed = [outcome for outcome in closing.outcomes if outcome.value is not None]
    if not completed:
        return "No trial completed."
    text = unmet_text(completed)
    return f"{text[0].upper()}{text[1:]}."


def _traded(closing: SweepSummary, default: TrialOutcome | None) -> str:
    """What else there is to take, and what the untuned default reached."""
    best_ones = front(closing.outcomes, closing.goals)
    found = "the only one that no other trial beats in all objectives"
    if len(best_ones) > 1:
        others = ", ".join(str(each.number) for each in best_ones if each is not closing.best)
        found = f"the knee of {len(best_ones)} trials that none beats in all objectives ({others})"
    if default is None or default.value is None:
        return f"{found}; the untuned default (trial 0) did not complete."
    return f"{found}; the untuned default (trial 0): {closing.goals.objectives_text(default)}."


def counts_text(closing: SweepSummary) -> str:
    """How many trials ended in which state, and how the time was spent."""
    counted = counts(closing.outcomes)
    states = ", ".join(f"{number} {state.value}" for state, number in counted.items() if number)
    count = "1 trial" if len(closing.outcomes) == 1 else f"{len(closing.outcomes)} trials"
    return f"{count}: {states or 'none has ended'}; {closing.time.text}"


def show(closing: SweepSummary, console: Console) -> None:
    """Prints the end of the sweep."""
    given = {key for outcome in closing.outcomes for key in outcome.parameters}
    searched = [key for key in closing.keys if key in given]
    keys = [*searched, *sorted(given.difference(searched))]
    if closing.outcomes:
        console.print()
        console.print(ranking_table(closing.outcomes, closing.goals, keys))
    _section(console, "Why the others stopped", _stopped(closing))
    _section(console, "Reading", statements(closing.reading, closing.rerun))
    _show_confirmation(closing, console)
    _show_classes(closing, console)
    console.print()
    for line in (gained(closing), counts_text(closing)):
        say(console, line)
    if closing.failed:
        text = f"Stopped after failures in a row (sweep.max_failures): {closing.failed}"
        say(console, text, style="red")
    if closing.model_note is not None:
        say(console, closing.model_note, style="yellow")
    for index, text in enumerate(closing.review):
        print_command(console, text, "review" if index == 0 else "")
    for label, path in _places(closing):
        print_place(console, path, label)
    for label, command in _next_steps(closing):
        print_command(console, command, label)


def _show_confirmation(closing: SweepSummary, console: Console) -> None:
    if closing.confirmation is None:
        return
    console.print("\nConfirmed with new seeds", style="bold")
    console.print(confirmation_table(closing.confirmation))
    _say_all(console, _told(closing, closing.confirmation))


def _show_classes(closing: SweepSummary, console: Console) -> None:
    found = closing.class_scores
    if found is None or closing.best is None:
        return
    console.print(f"\nValidation scores by class, trial {closing.best.number}", style="bold")
    console.print(class_table(found))
    if found.others:
        say(console, found.others)


def _stopped(closing: SweepSummary) -> list[Statement]:
    return [Statement(text=stop.text) for stop in stops(closing.outcomes)]


def _told(closing: SweepSummary, found: Confirmation) -> list[Statement]:
    """What a confirmation says, and the command that makes it surer."""
    sentences = [Statement(text=line) for line in confirmation_lines(found, closing.objective)]
    more = more_seeds_override(found.best)
    if more:
        command = closing.invocation.changed(more)
        sentences.append(Statement(text="The same with more seeds", command=command))
    return sentences


def _section(console: Console, title: str, statements: Sequence[Statement]) -> None:
    if statements:
        console.print(f"\n{title}", style="bold")
        _say_all(console, statements)


def _say_all(console: Console, statements: Sequence[Statement]) -> None:
    """Each sentence, and what to type on a line of its own."""
    for each in statements:
        say(console, Text(f"{each.text}:" if each.command else each.text))
        if each.command:
            print_command(console, each.command)


def _places(closing: SweepSummary) -> list[tuple[str, Path]]:
    best = [] if closing.best is None else [("best", closing.best_file)]
    return [*best, *([] if closing.page is None else [("report", closing.page)])]


def _next_steps(closing: SweepSummary) -> list[tuple[str, str]]:
    steps = []
    if closing.best is not None:
        file = shlex.quote(str(closing.best_file))
        steps.append(("next", closing.invocation.command("train", file)))
    if closing.interrupted:
        steps.append(("resume", closing.invocation.again))
    return steps


def description(closing: SweepSummary) -> str:
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
            *_classes(closing),
            *(f"- {label}: {code(str(text))}" for label, text in _places(closing)),
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


def _confirmation(closing: SweepSummary) -> list[str]:
    """Above the reading, since it corrects the first line."""
    found = closing.confirmation
    if found is None:
        return []
    rows = [table_row(configuration, found) for configuration in found.configurations]
    return [
        "**Confirmed with new seeds**",
        "",
        *_points(_told(closing, found)),
        "",
        *(f"| {' | '.join(row)} |" for row in (HEADINGS, ["---"] * len(HEADINGS))),
        *(f"| [{trial}](trial:{trial}) | {' | '.join(rest)} |" for trial, *rest in rows),
        "",
    ]


def _reading(closing: SweepSummary) -> list[str]:
    """Above the table, since MLflow shows no more than the beginning of a long description."""
    points = _points(statements(closing.reading, closing.rerun))
    return ["**Reading**", "", *points, ""] if points else []


def _points(statements: Sequence[Statement]) -> list[str]:
    return [
        f"- {prose(each.text)}: {code(each.command)}" if each.command else f"- {prose(each.text)}"
        for each in statements
    ]


def _classes(closing: SweepSummary) -> list[str]:
    found, best = closing.class_scores, closing.best
    if found is None or best is None:
        return []
    title = f"**Validation scores by class, trial {best.number}**"
    others = [prose(found.others), ""] if found.others else []
    return [title, "", *class_lines(found), "", *others]
