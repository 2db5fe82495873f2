"""Predictions of exported models in transformers against ours, on 100 hard inputs each.

    python benchmarks/pipelines.py --peer-python /tmp/peers/bin/python outputs/NAME/best_model ...

Texts have several scripts, emoji, control characters, odd blanks, special tokens, one letter or
hundreds of words. transformers reads them by its pipeline; questions and choices, for which it has
none, by AutoModelForQuestionAnswering and AutoModelForMultipleChoice (`peer_pipelines.py`). The
peer's environment is the one of `tasks.py`.
"""

import argparse
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from turns import here

from tests.training.entities import TEXTS
from tuner import Model, Prediction
from tuner.checkpoints.saved import read_inputs, read_task
from tuner.tasks import Form

COUNT = 100
LONG = 60
"""Repetitions of a text that no model reads whole."""

VARIANTS: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    str.upper,
    lambda text: f"\n{text}\r\n\t{text[::-1]}",
    lambda text: f"({text})\u2026 \U0001f600{text}",
    lambda text: " ".join([text] * LONG),
)


def hard_texts() -> list[str]:
    """Texts, of which a fifth are long."""
    made = [change(text) for change in VARIANTS for text in TEXTS]
    return made[:COUNT]


def inputs_of(folder: Path) -> tuple[list[str], list[Any] | None]:
    """Texts for a model, and their second parts where it has some."""
    task, _ = read_task(folder)
    texts = hard_texts()
    others = texts[7:] + texts[:7]
    if task.form is Form.CONTEXT:
        # run_qa takes questions that fit into a window beside their contexts.
        return [text[:LONG] for text in others], texts
    if task.form is Form.CHOICES:
        return texts, [[others[row], others[row - 20], others[row - 40]] for row in range(COUNT)]
    if task.form is Form.WORDS:
        # The pipeline reads no more of a long text than fits into the model.
        short = [text for text in texts if len(text) < LONG]
        return [f"{text} {other}" for text in short for other in TEXTS[1:3]][:COUNT], None
    inputs = read_inputs(folder)
    return texts, others if inputs is not None and inputs.text_pair else None


def compared(ours: Prediction, theirs: Any) -> tuple[bool, float]:
    """True if both say the same, and the largest difference of their numbers."""
    if ours.entities is not None:
        own = [(each["type"], each["start"], each["end"]) for each in ours.entities]
        same = own == [tuple(each[:3]) for each in theirs]
        pairs = zip(ours.entities, theirs, strict=False)
        return same, max((abs(one["score"] - other[3]) for one, other in pairs), default=0.0)
    if ours.answer is not None:
        return ours.answer == theirs, 0.0
    if ours.score is not None:
        return True, abs(ours.score - theirs)
    own = dict(ours.probabilities or {})
    same = max(own, key=own.__getitem__) == max(theirs, key=theirs.__getitem__)
    return same, max(abs(own[name] - theirs[name]) for name in own)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("folders", nargs="+", type=Path)
    given = parser.parse_args()
    print("| task | the same | largest difference |")
    print("|---|---|---|")
    for folder in given.folders:
        task, _ = read_task(folder)
        texts, pairs = inputs_of(folder)
        ours = Model(folder).predict(texts, pairs)
        job = {
            "task": task.name,
            "folder": str(folder),
            "texts": texts,
            "pairs": pairs,
            "stride": task.window_overlap(),
            "max_answer_length": getattr(task, "max_answer_length", None),
        }
        command = [given.peer_python, here("peer_pipelines.py")]
        made = subprocess.run(
            command, check=True, input=json.dumps(job), stdout=subprocess.PIPE, text=True
        )
        found = list(map(compared, ours, json.loads(made.stdout)))
        same, largest = sum(each for each, _ in found), max(each for _, each in found)
        print(f"| {task.name} | {same} of {len(found)} | {largest:.1e} |")


if __name__ == "__main__":
    main()
