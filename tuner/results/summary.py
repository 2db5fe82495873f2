"""Summary of a sweep: figures, ranked table, analysis, next steps."""

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
from tuner.formatting.markdown import code, prose, table
from tuner.processes.invocation import Invocation
from tuner.results.class_table import class_lines, class_table
from tuner.results.pasted import print_command, print_place
from tuner.results.stops import stop_groups
from tuner.results.tables import confirmation_table, ranking_table
from tuner.results.terminal import parameters_text, print_line
from tuner.results.time_spent import TimeSpent
from tuner.search.goals import Goals, score
from tuner.search.pareto import best, front
from tuner.search.ranking import counts, gain, is_usable, unmet_text
from tuner.soup import StoredSoup, soup_lines, soup_metrics
from tuner.tasks.class_scores import ShownScores, class_scores, counted_scores, shown_scores
from tuner.trial.records import UNTUNED, TrialOutcome, TrialState


@dataclass(frozen=True, kw_only=True)
class SweepSummary:
    """Data of the summary at the end of a sweep."""

    study: str
    """Name of the study."""
    goals: Goals
    """Goals of the study."""
    outcomes: Sequence[TrialOutcome]
    """Outcomes of the whole study, by preference."""
    reading: SweepReading
    """Analysis of the whole study."""
    interrupted: bool
    """True if the user stopped it."""
    failed: str
    """Causes of the consecutive failures that stopped it; empty if they did not."""
    time: TimeSpent
    """Time since this start, and of all trials."""
    best_file: Path
    """Path of best.yaml, which may not exist."""
    review: Sequence[str]
    """Commands or addresses that show the runs in MLflow, each a line."""
    invocation: Invocation
    """Command line of this start."""
    study_exists: Callable[[str], bool]
    """Function that returns True if a study of a name exists."""
    page: Path | None = None
    """Path of the HTML report; None if it was not written."""
    labels: Sequence[str] = ()
    """Names of the best trial's labels, in the order of their numbers."""
    keys: Sequence[str] = ()
    """Searched keys, in the order of the space."""
    confirmation: Confirmation | None = None
    """Results of the leading configurations with new seeds; None if they were not repeated."""
    soup: StoredSoup | None = None
    """Soup that was built in place of the best model; None if there was none."""
    model_note: str | None = None
    """Message about best_model/; None if it is up to date."""

    @cached_property
    def best(self) -> TrialOutcome | None:
        """Best trial of the study."""
        return best(self.outcomes, self.goals)

    @property
    def objective(self) -> str:
        """The first objective."""
        return self.goals.objective

    @property
    def follow_up(self) -> FollowUp:
        """Follow-up commands."""
        return FollowUp(
            study=self.study,
            command_with=self.invocation.command_with,
            study_exists=self.study_exists,
            is_confirmed=self.confirmation is not None,
        )

    @cached_property
    def class_scores(self) -> ShownScores | None:
        """Scores of the best trial by class; None if they are unknown."""
        last = None if self.best is None else self.best.last
        if last is not None and last.confusion:
            return shown_scores(class_scores(last.confusion, self.labels))
        if last is not None and last.by_class:
            return shown_scores(counted_scores(last.by_class))
        return None

    @property
    def exit_code(self) -> int:
        """Exit code: 0 done, 1 no usable result, 130 interrupted."""
        if self.interrupted:
            return INTERRUPTED
        return 1 if self.failed or self.best is None else 0

    def metrics(self) -> dict[str, float]:
        """Return the metrics of the sweep's own run in MLflow."""
        counted = counts(self.outcomes)
        found = (
            {}
            if self.best is None or self.best.value is None
            else {"best_objective": self.best.value}
        )
        return {
            **found,
            **_confirmed_metrics(self.confirmation, self.goals),
            **({} if self.soup is None else soup_metrics(self.soup)),
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


def _confirmed_metrics(found: Confirmation | None, goals: Goals) -> dict[str, float]:
    if found is None:
        return {}
    metrics = {
        "confirmed_objective": found.best.estimate.mean,
        "confirmed_low": found.best.estimate.low,
        "confirmed_high": found.best.estimate.high,
        "confirmed_corrected": found.corrected(goals),
        "search_optimism": found.optimism,
    }
    tested = found.final_evaluation.metrics if found.final_evaluation else {}
    return {name: value for name, value in metrics.items() if value is not None} | tested


def gain_text(summary: SweepSummary) -> str:
    """Return what tuning gained over the untuned default, trial 0."""
    winner = summary.best
    default = next((o for o in summary.outcomes if o.number == UNTUNED), None)
    if winner is None or winner.value is None:
        return _none_usable(summary)
    of = " of the search" if summary.confirmation is not None else ""
    head = f"Best{of}: trial {winner.number}, {summary.goals.objectives_text(winner)}"
    if summary.goals.several:
        return f"{head}; {_traded(summary, default)}"
    if default is None or default.value is None:
        return f"{head}; the untuned default (trial 0) did not complete."
    if default.violated:
        return f"{head}; the untuned default (trial 0) misses {'; '.join(default.violated)}."
    if winner.number == UNTUNED:
        return f"{head}: the untuned default; tuning gained nothing."
    better = gain(winner.value, default.value, summary.goals.direction)
    return (
        f"{head}; the untuned default (trial 0) {default.value:.4f}: tuning gained {better:.4f}."
    )


def _none_usable(summary: SweepSummary) -> str:
    completed = [outcome for outcome in summary.outcomes if outcome.value is not None]
    if not completed:
        return "No trial completed."
    text = unmet_text(completed)
    return f"{text[0].upper()}{text[1:]}."


def _traded(summary: SweepSummary, default: TrialOutcome | None) -> str:
    """Return the alternatives on the front, and the untuned default's result."""
    best_ones = front(summary.outcomes, summary.goals)
    found = "the only trial that no other one dominates"
    if len(best_ones) > 1:
        others = ", ".join(str(each.number) for each in best_ones if each is not summary.best)
        found = f"the knee of {len(best_ones)} trials that none dominates ({others})"
    if default is None or default.value is None:
        return f"{found}; the untuned default (trial 0) did not complete."
    return f"{found}; the untuned default (trial 0): {summary.goals.objectives_text(default)}."


def counts_text(summary: SweepSummary) -> str:
    """Return the number of trials in each state, and the time spent."""
    counted = counts(summary.outcomes)
    states = ", ".join(f"{number} {state.value}" for state, number in counted.items() if number)
    count = "1 trial" if len(summary.outcomes) == 1 else f"{len(summary.outcomes)} trials"
    return f"{count}: {states or 'none has ended'}; {summary.time.text}"


def print_summary(summary: SweepSummary, console: Console) -> None:
    """Print the summary."""
    given = {key for outcome in summary.outcomes for key in outcome.parameters}
    searched = [key for key in summary.keys if key in given]
    keys = [*searched, *sorted(given.difference(searched))]
    if summary.outcomes:
        console.print()
        console.print(ranking_table(summary.outcomes, summary.goals, keys))
    _section(console, "Why the others stopped", _stopped(summary))
    _section(console, "Reading", statements(summary.reading, summary.follow_up))
    _show_confirmation(summary, console)
    _section(console, "Soup", _soup_statements(summary))
    _show_classes(summary, console)
    console.print()
    for line in (gain_text(summary), counts_text(summary)):
        print_line(console, line)
    if summary.failed:
        text = f"Stopped after failures in a row (sweep.max_failures): {summary.failed}"
        print_line(console, text, style="red")
    if summary.model_note is not None:
        print_line(console, summary.model_note, style="yellow")
    for index, text in enumerate(summary.review):
        print_command(console, text, "review" if index == 0 else "")
    for label, path in _places(summary):
        print_place(console, path, label)
    for label, command in _next_steps(summary):
        print_command(console, command, label)


def _show_confirmation(summary: SweepSummary, console: Console) -> None:
    if summary.confirmation is None:
        return
    console.print("\nConfirmed with new seeds", style="bold")
    console.print(confirmation_table(summary.confirmation))
    _print_statements(console, _confirmation_statements(summary, summary.confirmation))


def _show_classes(summary: SweepSummary, console: Console) -> None:
    found = summary.class_scores
    if found is None or summary.best is None:
        return
    console.print(f"\nValidation scores by class, trial {summary.best.number}", style="bold")
    console.print(class_table(found))
    if found.others:
        print_line(console, found.others)


def _stopped(summary: SweepSummary) -> list[Statement]:
    return [Statement(text=stop.text) for stop in stop_groups(summary.outcomes)]


def _soup_statements(summary: SweepSummary) -> list[Statement]:
    return [] if summary.soup is None else [Statement(text=t) for t in soup_lines(summary.soup)]


def _confirmation_statements(summary: SweepSummary, found: Confirmation) -> list[Statement]:
    """Return the sentences on a confirmation, with the command for more seeds."""
    soup = None if summary.soup is None else summary.soup.published_model
    sentences = [Statement(text=t) for t in confirmation_lines(found, summary.goals, soup)]
    more = more_seeds_override(found.best)
    if more:
        command = summary.invocation.command_with(more)
        sentences.append(Statement(text="The same with more seeds", command=command))
    return sentences


def _section(console: Console, title: str, statements: Sequence[Statement]) -> None:
    if statements:
        console.print(f"\n{title}", style="bold")
        _print_statements(console, statements)


def _print_statements(console: Console, statements: Sequence[Statement]) -> None:
    """Print each sentence, with its command on a line of its own."""
    for each in statements:
        print_line(console, Text(f"{each.text}:" if each.command else each.text))
        if each.command:
            print_command(console, each.command)


def _places(summary: SweepSummary) -> list[tuple[str, Path]]:
    best = [] if summary.best is None else [("best", summary.best_file)]
    return [*best, *([] if summary.page is None else [("report", summary.page)])]


def _next_steps(summary: SweepSummary) -> list[tuple[str, str]]:
    steps = []
    if summary.best is not None:
        file = shlex.quote(str(summary.best_file))
        steps.append(("next", summary.invocation.command("train", file)))
    if summary.interrupted:
        steps.append(("resume", summary.invocation.again))
    return steps


def description(summary: SweepSummary) -> str:
    """Return the description of the sweep's MLflow run in Markdown, with links to trials."""
    ranked = [outcome for outcome in summary.outcomes if is_usable(outcome)]
    rows = [
        [
            str(rank),
            _link(o),
            *_scores(o, summary.goals),
            o.diagnosis.status if o.diagnosis else "",
            code(parameters_text(o.parameters)),
        ]
        for rank, o in enumerate(ranked, start=1)
    ]
    unranked = [
        f"{_link(o)} {prose('; '.join(o.violated)) or o.state.value}"
        for o in summary.outcomes
        if not is_usable(o)
    ]
    columns = ["rank", "trial", *summary.goals.watched, "convergence", "parameters"]
    return "\n".join(
        [
            gain_text(summary),
            "",
            counts_text(summary),
            "",
            *([summary.model_note, ""] if summary.model_note is not None else []),
            *_confirmation(summary),
            *_soup(summary),
            *_reading(summary),
            *_classes(summary),
            *(f"- {label}: {code(str(text))}" for label, text in _places(summary)),
            *(f"- {label}: {code(text)}" for label, text in _next_steps(summary)),
            "",
            *table(columns, rows),
            *(["", f"Not ranked: {', '.join(unranked)}"] if unranked else []),
        ]
    )


def _scores(outcome: TrialOutcome, goals: Goals) -> list[str]:
    values = goals.values(outcome)
    return [score(values[name]) for name in goals.watched]


def _link(outcome: TrialOutcome) -> str:
    """Return a link to the trial's run, in the form that `tuner.tracking` resolves."""
    return f"[{outcome.number}](trial:{outcome.number})"


def _confirmation(summary: SweepSummary) -> list[str]:
    """Return the confirmation, which precedes the analysis because it corrects the first line."""
    found = summary.confirmation
    if found is None:
        return []
    rows = [table_row(configuration, found) for configuration in found.configurations]
    return [
        "**Confirmed with new seeds**",
        "",
        *_points(_confirmation_statements(summary, found)),
        "",
        *table(HEADINGS, [(f"[{trial}](trial:{trial})", *rest) for trial, *rest in rows]),
        "",
    ]


def _soup(summary: SweepSummary) -> list[str]:
    points = _points(_soup_statements(summary))
    return ["**Soup**", "", *points, ""] if points else []


def _reading(summary: SweepSummary) -> list[str]:
    """Return the analysis, which precedes the table because MLflow shows only the beginning."""
    points = _points(statements(summary.reading, summary.follow_up))
    return ["**Reading**", "", *points, ""] if points else []


def _points(statements: Sequence[Statement]) -> list[str]:
    return [
        f"- {prose(each.text)}: {code(each.command)}" if each.command else f"- {prose(each.text)}"
        for each in statements
    ]


def _classes(summary: SweepSummary) -> list[str]:
    found, best = summary.class_scores, summary.best
    if found is None or best is None:
        return []
    title = f"**Validation scores by class, trial {best.number}**"
    others = [prose(found.others), ""] if found.others else []
    return [title, "", *class_lines(found), "", *others]
