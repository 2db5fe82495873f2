"""The side of transformers in `pipelines.py`: a job on standard input, predictions as JSON."""

import json
import os
import sys
from typing import Any

import torch
from peer_answers import best_answers, windows_of
from transformers import (
    AutoModelForMultipleChoice,
    AutoModelForQuestionAnswering,
    AutoTokenizer,
    logging,
    pipeline,
)


def classified(job: dict[str, Any]) -> list[Any]:
    """Label to probability; of a regression the number."""
    classify = pipeline("text-classification", model=job["folder"], top_k=None, truncation=True)
    pairs = job["pairs"] or [None] * len(job["texts"])
    given = [
        {"text": text} | ({} if pair is None else {"text_pair": pair})
        for text, pair in zip(job["texts"], pairs, strict=True)
    ]
    found = [{each["label"]: each["score"] for each in classify(one)} for one in given]
    if job["task"] == "regression":
        return [next(iter(each.values())) for each in found]
    return found


def entities(job: dict[str, Any]) -> list[Any]:
    """Type, offsets and score of each entity."""
    tag = pipeline("token-classification", model=job["folder"], aggregation_strategy="first")
    names = ("entity_group", "start", "end")
    return [
        [[*(each[name] for name in names), float(each["score"])] for each in tag(text)]
        for text in job["texts"]
    ]


def answers(job: dict[str, Any]) -> list[Any]:
    """Answers, as run_qa finds them."""
    tokenizer = AutoTokenizer.from_pretrained(job["folder"])
    model = AutoModelForQuestionAnswering.from_pretrained(job["folder"]).eval()
    rows = [
        {"question": text, "context": pair}
        for text, pair in zip(job["texts"], job["pairs"], strict=True)
    ]
    windows = windows_of(tokenizer, rows, tokenizer.model_max_length, job["stride"])
    starts, ends = [], []
    for window in windows:
        found = model(**{name: torch.tensor([each]) for name, each in window.inputs.items()})
        starts.append(found.start_logits[0].tolist())
        ends.append(found.end_logits[0].tolist())
    found_texts = best_answers(windows, starts, ends, rows, job["max_answer_length"])
    return [text.strip() for text in found_texts]


def choices(job: dict[str, Any]) -> list[Any]:
    """Number of a choice to its probability."""
    tokenizer = AutoTokenizer.from_pretrained(job["folder"])
    model = AutoModelForMultipleChoice.from_pretrained(job["folder"]).eval()
    found = []
    for text, pair in zip(job["texts"], job["pairs"], strict=True):
        inputs = tokenizer(
            [text] * len(pair), pair, padding=True, truncation=True, return_tensors="pt"
        )
        logits = model(**{name: each[None] for name, each in inputs.items()}).logits[0]
        found.append(dict(enumerate(logits.softmax(-1).tolist())))
    return found


def main() -> None:
    """Prints the predictions."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # What libraries print goes elsewhere.
    logging.set_verbosity_error()
    job = json.load(sys.stdin)
    sides = {
        "token_classification": entities,
        "question_answering": answers,
        "multiple_choice": choices,
    }
    with torch.inference_mode():
        json.dump(sides.get(job["task"], classified)(job), answer)


if __name__ == "__main__":
    main()
