"""Questions with long contexts in transformers: windows and answers, as run_qa makes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Window:
    """A question with a piece of its context.

    Attributes:
        row: Number of the question.
        inputs: Inputs of the model by name.
        offsets: Characters of each token in the context; None for tokens of anything else.
    """

    row: int
    inputs: dict[str, list[int]]
    offsets: list[tuple[int, int] | None]

    def holding(self, character: int) -> int | None:
        """Number of the token with a character of the context."""
        for place, offset in enumerate(self.offsets):
            if offset is not None and offset[0] <= character < offset[1]:
                return place
        return None


def windows_of(tokenizer: Any, rows: Sequence[Row], max_length: int, stride: int) -> list[Window]:
    """Windows of all questions."""
    made = []
    for number, row in enumerate(rows):
        tokens = tokenizer(
            row["question"].lstrip(),
            row["context"],
            truncation="only_second",
            max_length=max_length,
            stride=stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        for window, offsets in enumerate(tokens["offset_mapping"]):
            sequences = tokens.sequence_ids(window)
            made.append(
                Window(
                    row=number,
                    inputs={name: tokens[name][window] for name in tokenizer.model_input_names},
                    offsets=[
                        tuple(offset) if sequence == 1 else None
                        for offset, sequence in zip(offsets, sequences, strict=True)
                    ],
                )
            )
    return made


def best_answers(
    windows: Sequence[Window], starts: Any, ends: Any, rows: Sequence[Row], longest: int
) -> list[str]:
    """Answer of each question: the span with the largest sum of its logits, of all windows."""
    best = [(float("-inf"), "")] * len(rows)
    for window, start, end in zip(windows, starts, ends, strict=True):
        places = [place for place, offset in enumerate(window.offsets) if offset is not None]
        for first in places:
            for last in range(first, min(first + longest, places[-1] + 1)):
                score = float(start[first] + end[last])
                if score > best[window.row][0]:
                    begin, stop = window.offsets[first][0], window.offsets[last][1]  # type: ignore[index]
                    best[window.row] = score, rows[window.row]["context"][begin:stop]
    return [text for _, text in best]
