"""Rows of the six tasks as JSON files, for `tasks.py`, `curves.py` and the documented commands.

    python benchmarks/task_data.py --data DATA --folder FOLDER

DATA has a folder for each corpus, with the files `train` and `validation`: snips
(sonos/nlu-benchmark, CSV with text and label), goemotions (Demszky 2020, JSON lines with text and
labels), sts (SemEval 2014 and 2015, CSV with sentence1, sentence2 and score), wnut17 (CoNLL) and
xquad (JSON of SQuAD 1.1). Questions with choices are made of snips: a text, and the names of four
intents of which one is right.
"""

import argparse
import csv
import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Row = dict[str, Any]
SEED = 7


def classification(folder: Path, part: str) -> list[Row]:
    """Questions to an assistant and their intents."""
    with (folder / "snips" / f"{part}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def multilabel(folder: Path, part: str) -> list[Row]:
    """Comments and the emotions in each."""
    lines = (folder / "goemotions" / f"{part}.jsonl").read_text(encoding="utf-8").splitlines()
    return list(map(json.loads, lines))


def regression(folder: Path, part: str) -> list[Row]:
    """Pairs of sentences and how alike they are, from 0 to 5."""
    with (folder / "sts" / f"{part}.csv").open(encoding="utf-8", newline="") as file:
        return [row | {"score": float(row["score"])} for row in csv.DictReader(file)]


def token_classification(folder: Path, part: str) -> list[Row]:
    """Words of short messages and their tags."""
    text = (folder / "wnut17" / f"{part}.conll").read_text(encoding="utf-8")
    rows: list[Row] = []
    for line in ["", *text.splitlines()]:
        if not line.strip():
            rows.append({"tokens": [], "tags": []})
            continue
        word, tag = line.split("\t")
        rows[-1]["tokens"].append(word)
        rows[-1]["tags"].append(tag)
    return [row for row in rows if row["tokens"]]


def question_answering(folder: Path, part: str) -> list[Row]:
    """Questions, paragraphs and answers."""
    articles = json.loads((folder / "xquad" / f"{part}.json").read_text(encoding="utf-8"))["data"]
    return [
        {"question": one["question"], "context": each["context"], "answers": one["answers"]}
        for article in articles
        for each in article["paragraphs"]
        for one in each["qas"]
    ]


def multiple_choice(folder: Path, part: str) -> list[Row]:
    """Questions to an assistant, four intents in words, and the number of the right one."""
    rows = classification(folder, part)
    intents = sorted({row["label"] for row in rows})
    chance = random.Random(SEED)  # noqa: S311
    made = []
    for row in rows:
        wrong = [intent for intent in intents if intent != row["label"]]
        choices = [row["label"], *chance.sample(wrong, 3)]
        chance.shuffle(choices)
        words = [_in_words(choice) for choice in choices]
        number = choices.index(row["label"])
        made.append({"text": row["text"], "choices": words, "label": number})
    return made


def _in_words(name: str) -> str:
    """PlayMusic: play music."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


ROWS: Mapping[str, Callable[[Path, str], list[Row]]] = {
    each.__name__: each
    for each in (
        classification,
        multilabel,
        regression,
        token_classification,
        question_answering,
        multiple_choice,
    )
}
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "classification": (),
    "multilabel": ("data.label=labels",),
    "regression": ("data.text=sentence1", "data.text_pair=sentence2", "data.label=score"),
    "token_classification": ("data.text=tokens", "data.label=tags"),
    "question_answering": (
        "data.text=question",
        "data.text_pair=context",
        "data.label=answers",
    ),
    "multiple_choice": ("data.choices=[choices]",),
}
"""Overrides that name the columns of these rows."""


def _labels(row: Row) -> list[str]:
    """Labels or tags of a row that may have several."""
    return row.get("labels") or row.get("tags") or []


def write(task: str, data: Path, folder: Path, rows: int, validation_rows: int) -> list[str]:
    """Writes some rows of a task, drawn at random; returns the overrides that read them.

    Validation rows with labels that no written training row has are left out.
    """
    overrides = [f"task={task}", "data=json", *COLUMNS[task]]
    labels: set[str] = set()
    for part, count in (("train", rows), ("validation", validation_rows)):
        found = ROWS[task](data, part)
        random.Random(SEED).shuffle(found)  # noqa: S311
        if part == "train":
            labels.update(*map(_labels, found[:count]))
        found = [row for row in found if labels.issuperset(_labels(row))]
        path = folder / f"{task}-{part}.json"
        path.write_text(json.dumps(found[:count], ensure_ascii=False), encoding="utf-8")
        overrides.append(f"data.{part}={path}")
    return overrides


def main() -> None:
    """Writes the files of all tasks and prints what reads each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--validation-rows", type=int, default=400)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for task in ROWS:
        print(*write(task, given.data, given.folder, given.rows, given.validation_rows))


if __name__ == "__main__":
    main()
