"""Building a soup: the averages of its members, and the model that is saved."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tuner.data import PreparedData, prepare
from tuner.data.tokenized import within
from tuner.files.model_folder import save_complete
from tuner.metrics import load
from tuner.soup import LeftOut, Member, MemberFile, Soup, SoupProgress, SoupRequest
from tuner.soup.builder import Builder, Judge, Outputs, Rows
from tuner.training.evaluate import Evaluator
from tuner.training.hugging_face import save_trained
from tuner.training.member import MemberError, MemberRecord, MemberWeights
from tuner.training.model import Classifier

FEWEST = 2
"""Number of models that make an average, and of rows that can be halved."""


class Averages:
    """Averages of members' weights in one model, and its outputs for validation rows.

    The model has all rows of the token embedding, so that members trained in part and as a whole
    can be averaged. Besides it, one tensor of one member is in memory at a time.
    """

    def __init__(
        self,
        data: PreparedData,
        members: Mapping[Member, MemberWeights],
        batch_size: int,
        on_evaluated: Callable[[], None] = lambda: None,
    ) -> None:
        """Build the model.

        Args:
            data: Data of the members.
            members: Their weights.
            batch_size: Inputs in one forward pass; decides the speed alone.
            on_evaluated: Called after each average that was evaluated.
        """
        self.classifier = Classifier(data.checkpoint, len(data.labels), head=data.task.head)
        self._evaluator = Evaluator(self.classifier, data.task)
        self._members = members
        self._split = data.validation
        self._batch_size = batch_size
        self._on_evaluated = on_evaluated

    def assign(self, members: Sequence[Member]) -> None:
        """Give the model the mean of some members' weights."""
        chosen = [self._members[member] for member in members]
        for parameter, variable, snapshot in self.classifier.with_first_values():
            first = snapshot.numpy()
            total = np.zeros(first.shape, np.float32)
            for weights in chosen:
                total += weights.tensor(parameter.name, first)
            variable.assign(total / np.float32(len(chosen)))

    def outputs(self, members: Sequence[Member], rows: Rows) -> Outputs:
        """Average some members, and return the outputs for some validation rows."""
        self.assign(members)
        found = self._evaluator.logits(self._split, rows, self._batch_size)
        self._on_evaluated()
        return found.astype(np.float64)

    def part(self, outputs: Outputs, rows: Rows) -> Outputs:
        """Return the outputs for some rows from those for all."""
        everything = np.arange(len(self._split))
        return outputs[within(self._evaluator.output_offsets(self._split, everything), rows)]


def build(request: SoupRequest, progress: Callable[[SoupProgress], None] = lambda _: None) -> Soup:
    """Select a soup's members and write their average, if it is accepted.

    Args:
        request: All that decides it.
        progress: Receives the number of models evaluated so far.

    Raises:
        InputError: The settings, the data, the checkpoint or a metric are wrong.
        OSError: The model cannot be written.
    """
    settings, metrics = request.settings, {record: load(record) for record in request.metrics}
    data = prepare(settings.data, settings.model, settings.task)
    members, left_out = usable(request.members, MemberRecord.of(data))
    if len(members) < FEWEST:
        return _nothing(request, left_out, "fewer than two models can be averaged")
    if request.instead_of not in members:
        reason = (
            f"it cannot be compared with {request.instead_of.text}, whose weights are left out"
        )
        return _nothing(request, left_out, reason)
    if len(data.validation) < FEWEST:
        return _nothing(request, left_out, "one validation row cannot select and accept")
    # Each alone, each but the best with the members before it, and the soup.
    total, done = 2 * len(members), 0

    def count() -> None:
        nonlocal done
        done += 1
        progress(SoupProgress(done=done, total=total))

    averages = Averages(data, members, settings.training.evaluation_batch_size, count)
    judge = Judge(data=data, objective=request.objective, metrics=metrics)
    soup, evaluation = Builder(averages, judge).soup(list(members), request.instead_of)
    if soup.accepted:

        def save(folder: Path) -> None:
            save_trained(folder, averages.classifier, settings, data, evaluation.thresholds)

        save_complete(Path(request.folder), save)
    return replace(soup, left_out=left_out)


def usable(
    files: Sequence[MemberFile], record: MemberRecord
) -> tuple[dict[Member, MemberWeights], tuple[LeftOut, ...]]:
    """Return the members that can be averaged, and the others.

    Args:
        files: Files of members.
        record: Record that their weights must have.
    """
    members, left_out = {}, []
    for file in files:
        try:
            weights = MemberWeights(Path(file.path))
        except MemberError as error:
            left_out.append(LeftOut(member=file.member, reason=str(error)))
            continue
        other = record.difference(weights.record)
        if other is None:
            members[file.member] = weights
        else:
            left_out.append(LeftOut(member=file.member, reason=f"it has another {other}"))
    return members, tuple(left_out)


def _nothing(request: SoupRequest, left_out: tuple[LeftOut, ...], reason: str) -> Soup:
    """Return the result where there is nothing to select from."""
    return Soup(
        objective=request.objective,
        left_out=left_out,
        selection_rows=0,
        acceptance_rows=0,
        rejected=reason,
    )
