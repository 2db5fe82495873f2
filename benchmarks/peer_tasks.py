"""The Trainer's side of `tasks.py`: a fine-tune for each job on standard input, and its score.

Rows are tokenised as the examples of transformers do it (run_glue, run_ner, run_qa, run_swag), and
scores are those of scikit-learn, SciPy and seqeval; for answers, the F1 that SQuAD's script
defines.
"""

import json
import os
import string
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peer_answers import Window, best_answers, windows_of
from scipy.stats import pearsonr
from seqeval.metrics import f1_score as entity_f1
from seqeval.scheme import IOB2
from sklearn.metrics import accuracy_score, f1_score
from transformers import (
    AutoConfig,
    AutoModelForMultipleChoice,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForMultipleChoice,
    DataCollatorForTokenClassification,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    logging,
    set_seed,
)

Row = dict[str, Any]


class Side:
    """Fine-tune of a task by transformers; this one is of a classification.

    Attributes:
        model: Class that loads the checkpoint with a new head.
        collator: Class that pads batches.
        config: Overrides of the checkpoint's configuration.
    """

    model: Any = AutoModelForSequenceClassification
    collator: Any = DataCollatorWithPadding

    def __init__(self, job: Mapping[str, Any], tokenizer: Any, train: list[Row]) -> None:
        """Reads names of labels from the training rows."""
        self.job = job
        self.tokenizer = tokenizer
        self.names = self._found_names(train)
        self.config: Row = {"num_labels": len(self.names)}

    def fine_tune(self, train: list[Row], validation: list[Row]) -> float:
        """Trains a model and returns its score on the validation rows."""
        checkpoint, rate = self.job["checkpoint"], self.job["dropout"]
        config = AutoConfig.from_pretrained(
            checkpoint, hidden_dropout_prob=rate, attention_probs_dropout_prob=rate, **self.config
        )
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                **self.job["arguments"] | {"eval_strategy": "no"},
                output_dir=folder,
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
                use_cpu=True,
            )
            trainer = Trainer(
                model=self.model.from_pretrained(checkpoint, config=config),
                args=arguments,
                train_dataset=self._encode(train),
                data_collator=self.collator(self.tokenizer),
            )
            trainer.train()
            # Otherwise predictions are grouped by length, too, and no longer in order.
            trainer.args.train_sampling_strategy = "random"
            encoded = self._encode(validation)
            outputs = trainer.predict(encoded).predictions
        return self._score(outputs, validation, encoded)

    def _found_names(self, train: list[Row]) -> list[str]:
        """Names of the labels."""
        return sorted({row["label"] for row in train})

    def _tokens(self, *texts: Any, **more: Any) -> Any:
        """Tokens of a text or a pair, cut to the largest length."""
        return self.tokenizer(*texts, truncation=True, max_length=self.job["max_length"], **more)

    def _encode(self, rows: list[Row]) -> list[Row]:
        """Inputs of the model."""
        return [
            {**self._tokens(row["text"]), "labels": self.names.index(row["label"])} for row in rows
        ]

    def _score(self, outputs: Any, rows: list[Row], encoded: list[Row]) -> float:
        """First score of the task."""
        del rows
        return float(accuracy_score([each["labels"] for each in encoded], outputs.argmax(-1)))


class Multilabel(Side):
    """Any number of labels; the threshold is the best one on the validation rows."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.config["problem_type"] = "multi_label_classification"

    def _found_names(self, train: list[Row]) -> list[str]:
        return sorted({label for row in train for label in row["labels"]})

    def _encode(self, rows: list[Row]) -> list[Row]:
        return [
            {
                **self._tokens(row["text"]),
                "labels": [float(name in row["labels"]) for name in self.names],
            }
            for row in rows
        ]

    def _score(self, outputs: Any, rows: list[Row], encoded: list[Row]) -> float:
        del rows
        true = np.array([each["labels"] for each in encoded])
        return max(
            float(f1_score(true, outputs > threshold, average="micro", zero_division=0.0))
            for threshold in np.quantile(outputs, np.linspace(0.5, 1.0, 500))
        )


class Regression(Side):
    """A number for a pair of texts, standardised for training."""

    def __init__(self, job: Mapping[str, Any], tokenizer: Any, train: list[Row]) -> None:
        super().__init__(job, tokenizer, train)
        scores = [row["score"] for row in train]
        self.center, self.scale = np.mean(scores), np.std(scores)
        self.config = {"num_labels": 1, "problem_type": "regression"}

    def _found_names(self, train: list[Row]) -> list[str]:
        del train
        return []

    def _encode(self, rows: list[Row]) -> list[Row]:
        return [
            {
                **self._tokens(row["sentence1"], row["sentence2"]),
                "labels": float((row["score"] - self.center) / self.scale),
            }
            for row in rows
        ]

    def _score(self, outputs: Any, rows: list[Row], encoded: list[Row]) -> float:
        del encoded
        return float(pearsonr(outputs[:, 0], [row["score"] for row in rows]).statistic)


class Tokens(Side):
    """A tag for each word, at its first token."""

    model = AutoModelForTokenClassification
    collator = DataCollatorForTokenClassification

    def _found_names(self, train: list[Row]) -> list[str]:
        return sorted({tag for row in train for tag in row["tags"]})

    def _encode(self, rows: list[Row]) -> list[Row]:
        return list(map(self._tagged, rows))

    def _tagged(self, row: Row) -> Row:
        tokens = self._tokens(row["tokens"], is_split_into_words=True)
        words = tokens.word_ids()
        firsts = [
            word is not None and word != before
            for word, before in zip(words, [None, *words], strict=False)
        ]
        labels = [
            self.names.index(row["tags"][word]) if first else -100
            for word, first in zip(words, firsts, strict=True)
        ]
        return {**tokens, "labels": labels}

    def _score(self, outputs: Any, rows: list[Row], encoded: list[Row]) -> float:
        found = []
        for row, each, logits in zip(rows, encoded, outputs, strict=True):
            places = np.flatnonzero(np.array(each["labels"]) >= 0)
            tags = [self.names[number] for number in logits[places].argmax(-1)]
            found.append(tags + ["O"] * (len(row["tags"]) - len(tags)))
        true = [row["tags"] for row in rows]
        return float(entity_f1(true, found, mode="strict", scheme=IOB2))


class Unnamed(Side):
    """A task whose outputs have no names in the configuration."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.config = {}

    def _found_names(self, train: list[Row]) -> list[str]:
        del train
        return []


class Choices(Unnamed):
    """One of several choices."""

    model = AutoModelForMultipleChoice
    collator = DataCollatorForMultipleChoice

    def _encode(self, rows: list[Row]) -> list[Row]:
        return [
            {
                **self._tokens([row["text"]] * len(row["choices"]), row["choices"]),
                "labels": row["label"],
            }
            for row in rows
        ]


class Answers(Unnamed):
    """A piece of the context; long contexts in windows, as in run_qa."""

    model = AutoModelForQuestionAnswering

    def _windows(self, rows: list[Row]) -> list[Window]:
        return windows_of(self.tokenizer, rows, self.job["max_length"], self.job["stride"])

    def _encode(self, rows: list[Row]) -> list[Row]:
        made = []
        for window in self._windows(rows):
            answer = rows[window.row]["answers"][0]
            first = window.holding(answer["answer_start"])
            last = window.holding(answer["answer_start"] + len(answer["text"]) - 1)
            whole = first is not None and last is not None
            places = (first, last) if whole else (0, 0)
            targets = dict(zip(("start_positions", "end_positions"), places, strict=True))
            made.append(window.inputs | targets)
        return made

    def _score(self, outputs: Any, rows: list[Row], encoded: list[Row]) -> float:
        del encoded
        longest = self.job["max_answer_length"]
        found = best_answers(self._windows(rows), *outputs, rows, longest)
        golds = [[true["text"] for true in row["answers"]] for row in rows]
        pairs = zip(found, golds, strict=True)
        return float(np.mean([max(_f1(text, true) for true in gold) for text, gold in pairs]))


def _f1(found: str, true: str) -> float:
    """Overlap of words without case, punctuation and articles."""
    words, others = (
        [
            word
            for word in "".join(
                letter for letter in text.lower() if letter not in string.punctuation
            ).split()
            if word not in {"a", "an", "the"}
        ]
        for text in (found, true)
    )
    if not words or not others:
        return float(words == others)
    shared = sum((Counter(words) & Counter(others)).values())
    return 2.0 * shared / (len(words) + len(others))


SIDES: Mapping[str, Callable[..., Side]] = {
    "classification": Side,
    "multilabel": Multilabel,
    "regression": Regression,
    "token_classification": Tokens,
    "question_answering": Answers,
    "multiple_choice": Choices,
}


def run(job: Mapping[str, Any]) -> float:
    """Trains a model and returns its score."""
    set_seed(job["arguments"]["seed"])
    train, validation = (
        json.loads(Path(job[part]).read_text(encoding="utf-8")) for part in ("train", "validation")
    )
    tokenizer = AutoTokenizer.from_pretrained(job["checkpoint"])
    return SIDES[job["task"]](job, tokenizer, train).fine_tune(train, validation)


def main() -> None:
    """Runs a job for each line."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # What libraries print goes elsewhere.
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    logging.set_verbosity_error()
    for line in sys.stdin:
        answer.write(f"{run(json.loads(line))}\n")
        answer.flush()


if __name__ == "__main__":
    main()
