"""`tuner verify FILE`: repeats a trial and compares it with what was recorded."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tuner.commands.command_words import read_options
from tuner.config import compose_training, compose_verify, read_provenance
from tuner.errors import INTERRUPTED, InputError
from tuner.formatting.timestamps import local_time
from tuner.orchestration.verification import Verification, recorded_trial, verify
from tuner.results.pasted import LABEL_WIDTH
from tuner.results.terminal import Terminal
from tuner.study.reader import metrics_beside
from tuner.tracking import origin
from tuner.trial.certificate import Mark
from tuner.trial.model_identity import models_text, published_members

NOTHING = "nothing that is recorded; a GPU repeats digits with training.deterministic=true"
EARLIER = "the earlier ones may have had another batch size, device or number of threads"


def run(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: best.yaml of a study, then overrides of `verify`.

    Returns:
        0 if losses and weights are those of the trial, at least within rounding; 1 if they are
        not, or the repetition failed; 130 if interrupted.

    Raises:
        InputError: The file or an argument cannot be used.
    """
    options = read_options(arguments, command="verify")
    if not options.overrides or options.overrides[0].startswith("verify."):
        raise InputError(
            "the command needs the best.yaml of a study",
            where="the command line",
            remedy="tuner verify outputs/lr_search/best.yaml",
        )
    file = Path(options.overrides[0])
    settings = compose_verify(options.overrides[1:], Path.cwd())
    composed = compose_training(file, (), Path.cwd(), stored=metrics_beside)
    recorded = recorded_trial(file)
    terminal = Terminal(composed.goals.objective, quiet=options.quiet, now=local_time)
    tags = origin(["verify", *arguments], Path.cwd())
    found = verify(recorded, composed, settings.updates, tags, terminal)
    if found.interrupted:
        return INTERRUPTED
    members = published_members(read_provenance(file))
    for name, text in (*soup_lines(members, recorded.number), *result_lines(found)):
        terminal.result(f"{name:<{LABEL_WIDTH}} {text}")
    failed = found.error is not None or found.comparison.is_different
    return 1 if failed or not found.comparison.marks else 0


def soup_lines(members: Sequence[tuple[int, int]], number: int) -> Iterator[tuple[str, str]]:
    """Yield a line about the soup in best_model/, which follows from its members.

    Args:
        members: Trial and seed of each member; empty where there is no soup.
        number: Number of the repeated trial.
    """
    if members:
        averaged = f"best_model/ averages {models_text(members)}"
        yield "soup", f"{averaged}; members are verified, the soup is not. This is trial {number}"


def result_lines(found: Verification) -> Iterator[tuple[str, str]]:
    """Yield name and text of each line of the result."""
    comparison = found.comparison
    yield "compared", f"{comparison.marks} marks, up to update {comparison.updates}"
    if comparison.marks:
        yield "result", comparison.agreement.value
    if comparison.first is not None:
        before, now = comparison.first
        yield "first", f"update {before.update}: {', '.join(_differences(before, now))}"
    for change in found.changes:
        yield "changed", str(change)
    if comparison.is_different and not found.changes:
        yield "changed", NOTHING
    if comparison.is_different and found.attempts > 1:
        yield "attempts", f"{found.attempts}; {EARLIER}"
    if found.error is not None:
        yield "failed", found.error


def _differences(before: Mark, now: Mark) -> Iterator[str]:
    """Yield what differs between two marks."""
    if before.loss != now.loss:
        yield f"loss {before.loss:.9g} → {now.loss:.9g}"
    if before.weights != now.weights:
        yield f"weights {before.weights} → {now.weights}"
    if before.val_loss != now.val_loss:
        yield f"val_loss {before.val_loss} → {now.val_loss}"
