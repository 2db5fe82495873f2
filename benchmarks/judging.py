"""Agreement of the convergence rules with the labels of the recorded curves.

    python benchmarks/judging.py                    # the table
    python benchmarks/judging.py --draw FOLDER      # the curves as a person sees them

benchmarks/recorded/judged.csv holds one word and its reasons for each curve of
benchmarks/recorded/curves.jsonl, given by eye from the drawings before any rule was looked at; a
second word where the eye would take either. A third of the curves, chosen by a hash of their
names, was kept out of sight while the rules were made (`held out`); some were recorded and named
when the rules had their present form (`later`).
"""

import argparse
import csv
import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tuner.config import compose_sweep
from tuner.diagnosis import diagnose
from tuner.settings.settings import TrialSettings
from tuner.tasks import Baseline
from tuner.trial.records import Convergence, Diagnosis, Report
from tuner.trial.serialization import from_plain

RECORDED = Path(__file__).parent / "recorded"
IN_SIGHT, HELD_OUT, LATER = PARTS = ("in sight", "held out", "later")
PANELS = 12


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A recorded fine-tune."""

    name: str
    diverged: str
    guess: Baseline
    reports: list[Report]
    settings: TrialSettings
    is_later: bool

    @property
    def part(self) -> str:
        """One of `PARTS`."""
        if self.is_later:
            return LATER
        return HELD_OUT if hashlib.sha256(self.name.encode()).digest()[0] % 3 == 0 else IN_SIGHT

    def diagnose(self) -> Diagnosis:
        """Status that the rules give."""
        return diagnose(self.reports, self.guess, self.settings, diverged=self.diverged)


def load() -> list[Recorded]:
    """All recorded fine-tunes."""
    lines = (RECORDED / "curves.jsonl").read_text(encoding="utf-8").splitlines()
    return [_recorded(json.loads(line)) for line in lines]


def _recorded(line: dict[str, Any]) -> Recorded:
    overrides = [
        f"training.epochs={line['epochs']}",
        f"data.train_examples={line['rows']}",
        *line["overrides"],
    ]
    return Recorded(
        name=line["name"],
        diverged=line["diverged"],
        guess=from_plain(Baseline, line["guess"]),
        reports=[from_plain(Report, report) for report in line["reports"]],
        settings=_settings(*overrides),
        is_later=line.get("later", False),
    )


@cache
def _settings(*overrides: str) -> TrialSettings:
    return compose_sweep(["sweep=lr_search", *overrides], Path.cwd()).base


def judged() -> dict[str, tuple[set[str], str]]:
    """Name to the words that a person would take, and the reasons."""
    with (RECORDED / "judged.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["name"]: ({row["status"], row["or"]} - {""}, row["reason"])
            for row in csv.DictReader(file)
        }


def draw(curves: list[Recorded], folder: Path) -> None:
    """The curves as pages of panels."""
    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    for page, first in enumerate(range(0, len(curves), PANELS)):
        figure, axes = plt.subplots(3, 4, figsize=(22, 14))
        for number, (axis, curve) in enumerate(
            zip(axes.flat, curves[first : first + PANELS], strict=False), start=first
        ):
            _panel(axis, number, curve)
        figure.tight_layout()
        figure.savefig(folder / f"page-{page:02d}.png", dpi=60)
        plt.close(figure)


def _panel(axis: Any, number: int, curve: Recorded) -> None:
    at = [report.examples_seen for report in curve.reports]
    axis.set_title(f"{number}: {curve.name}", fontsize=10, wrap=True)
    if curve.diverged:
        axis.text(0.5, 0.5, f"stopped: {curve.diverged}", transform=axis.transAxes, ha="center")
    losses = [report.fixed.loss for report in curve.reports]
    errors = [report.fixed.loss_error for report in curve.reports]
    axis.errorbar(at, losses, errors, color="tab:blue", marker="o", label="val_loss")
    training = [report.train_loss for report in curve.reports]
    axis.plot(at, training, color="tab:orange", marker=".", label="train_loss")
    axis.axhline(curve.guess.loss, color="grey", linestyle=":", label="constant guess")
    axis.set_ylim(0, max([1.6 * curve.guess.loss, *losses, *training][:1] + losses + [0.1]) * 1.05)
    other = axis.twinx()
    other.plot(at, [r.fixed.score for r in curve.reports], color="tab:green", alpha=0.7)
    other.plot(at, [r.fixed.majority_share for r in curve.reports], color="tab:red", alpha=0.3)
    other.axhline(curve.guess.score, color="tab:green", linestyle=":")
    other.set_ylim(0, 1.05)


def main() -> None:
    """Prints the table, or draws."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--draw", type=Path)
    parser.add_argument("--all", action="store_true", help="misses of the other parts too")
    given = parser.parse_args()
    curves = load()
    if given.draw is not None:
        draw(curves, given.draw)
        return
    words = judged()
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for curve in curves:
        allowed, reason = words[curve.name]
        found = curve.diagnose()
        total[curve.part] += 1
        right[curve.part] += found.status in allowed
        if found.status not in allowed and (given.all or curve.part == IN_SIGHT):
            print(f"{curve.name}\n  eye:   {' or '.join(sorted(allowed))}: {reason}")
            print(f"  rules: {found.status}: {found.reason}\n")
    counted = Counter(min(words[curve.name][0]) for curve in curves)
    print(", ".join(f"{counted[status]} {status}" for status in Convergence))
    for part in PARTS:
        share = right[part] / total[part]
        print(f"{part}: {right[part]} of {total[part]} right ({share:.0%})")


if __name__ == "__main__":
    main()
