"""Savings and losses of stopping trials for their own curves.

    python benchmarks/stopping.py                              # on the recorded curves
    python benchmarks/stopping.py --sweep outputs/lr_search    # on a sweep that ran without it

A sweep to replay has to have run with pruner=none, convergence.not_learning_patience=null and
convergence.converged_patience=null. Each curve is shown to the rules point by point, as it was
reported; printed are the trials that would have been stopped, the seconds saved, and the final
scores that were given up.
"""

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from judging import Recorded, load

from tuner.config import load_trial
from tuner.diagnosis import judge
from tuner.settings.settings import ConvergenceSettings
from tuner.trial.folder import TrialFolder
from tuner.trial.records import Decision, TrialOutcome
from tuner.trial.serialization import from_json


def of_sweep(folder: Path) -> Iterator[Recorded]:
    """The trials of a finished sweep, under the default thresholds."""
    for path in sorted(folder.glob("trials/*")):
        trial = TrialFolder(path)
        outcome = from_json(TrialOutcome, trial.outcome.read_text(encoding="utf-8"))
        if outcome.guess is not None:
            settings = load_trial(trial.config)
            yield Recorded(
                name=f"trial {outcome.number}",
                diverged="",
                guess=outcome.guess,
                reports=trial.read_reports(),
                settings=replace(settings, convergence=ConvergenceSettings()),
            )


def stopped_at(curve: Recorded) -> tuple[Decision, int]:
    """First decision of the rules other than `continue`, and its point."""
    for seen in range(1, len(curve.reports) + 1):
        answer = judge(curve.reports[:seen], curve.guess, curve.settings)
        if answer is not Decision.CONTINUE:
            return answer, seen
    return Decision.CONTINUE, len(curve.reports)


def show(curves: Iterable[Recorded]) -> None:
    """Prints the table."""
    saved = spent = 0.0
    print(
        "| fine-tune | told | at point | val_accuracy then | at the end |\n|---|---|---|---|---|"
    )
    for curve in curves:
        answer, seen = stopped_at(curve)
        seconds = [r.seconds_training + r.seconds_evaluating for r in curve.reports]
        spent += sum(seconds)
        saved += sum(seconds[seen:])
        if answer is not Decision.CONTINUE:
            then, end = curve.reports[seen - 1].fixed, curve.reports[-1].fixed
            print(f"| {curve.name} | {answer} | {seen} | {then.score:.3f} | {end.score:.3f} |")
    print(f"\n{saved:.0f} of {spent:.0f} s saved ({saved / spent:.0%})")


def main() -> None:
    """Replays."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sweep", type=Path)
    sweep = parser.parse_args().sweep
    show(load() if sweep is None else of_sweep(sweep))


if __name__ == "__main__":
    main()
