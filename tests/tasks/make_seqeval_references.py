"""Writes what seqeval computes of random tags into `references/seqeval.json`.

Needs seqeval; the figures in the repository are of seqeval 1.2.2. From the root of the repository:

    python -m tests.tasks.make_seqeval_references
"""

import json
import random
from pathlib import Path

from seqeval.metrics import accuracy_score
from seqeval.metrics.v1 import precision_recall_fscore_support
from seqeval.scheme import IOB2

FILE = Path(__file__).parent / "references" / "seqeval.json"
TAGS = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
KEPT = 0.7
"""Share of the tags that are predicted right."""

if __name__ == "__main__":
    draw = random.Random(5)  # noqa: S311
    cases = []
    for _ in range(40):
        true, predicted = [], []
        for _ in range(draw.randint(1, 6)):
            tags = draw.choices(TAGS, weights=[4, 2, 2, 2, 2], k=draw.randint(1, 8))
            true.append(tags)
            predicted.append([tag if draw.random() < KEPT else draw.choice(TAGS) for tag in tags])
        options = {"mode": "strict", "scheme": IOB2, "zero_division": 0}
        precision, recall, f1, _ = precision_recall_fscore_support(
            true, predicted, average="micro", **options
        )
        *_, of_types, support = precision_recall_fscore_support(
            true, predicted, average=None, **options
        )
        cases.append({
            "true": true,
            "predicted": predicted,
            "precision": float(precision),
            "recall": float(recall),
            "f1": float(f1),
            "token_accuracy": float(accuracy_score(true, predicted)),
            "f1_of_types": [float(value) for value in of_types],
            "support": [int(value) for value in support],
        })  # fmt: skip
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(cases) + "\n", encoding="utf-8")
