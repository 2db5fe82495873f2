"""Writes the entities that transformers' pipeline finds into `references/entities.json`.

Needs torch and transformers; the figures in the repository are of torch 2.13.0 (CPU) and
transformers 5.24.0. From the root of the repository, the first with our own environment:

    python -m tests.training.entities FOLDER
    python -m tests.training.make_entity_references FOLDER
"""

import json
import sys
from pathlib import Path

import transformers

from tests.tiny_checkpoints import MODEL_TYPES

FILE = Path(__file__).parent / "references" / "entities.json"


def shown(entity):
    """Type, offsets and score of an entity."""
    score = round(float(entity["score"]), 6)
    return entity["entity_group"], entity["start"], entity["end"], score


if __name__ == "__main__":
    given = Path(sys.argv[1])
    texts = json.loads((given / "texts.json").read_text(encoding="utf-8"))
    found = {}
    for model_type in MODEL_TYPES:
        pipeline = transformers.pipeline(
            "token-classification",
            model=str(given / model_type),
            aggregation_strategy="first",
        )
        found[model_type] = [list(map(shown, pipeline(text))) for text in texts]
    lines = [f"{json.dumps(name)}: {json.dumps(rows)}" for name, rows in found.items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
