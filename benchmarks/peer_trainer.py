"""Rounds of `throughput.py` or `gpu.py`: epochs of the Hugging Face Trainer."""

import argparse
import math
import tempfile
import time
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    logging,
)
from turns import RoundPipe

ENDLESS = 10**8
"""Updates; rounds end when none is asked for any more."""


class Rounds(TrainerCallback):
    """Times one round of updates after another, and lets the Trainer wait between them.

    One `train` makes all rounds: what a Trainer does when it begins, compilation included, falls
    into the first one, which does not count.
    """

    def __init__(self, updates: int) -> None:
        self._updates = updates
        self._pipe = RoundPipe()
        self._started = 0.0

    def on_train_begin(
        self, args: Any, state: Any, control: TrainerControl, **kwargs: Any  # noqa: ARG002
    ) -> None:  # fmt: skip
        """Everything is set up."""
        self._wait(control)

    def on_step_end(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any  # noqa: ARG002
    ) -> None:  # fmt: skip
        """An update is done, or under way on a GPU."""
        if state.global_step % self._updates == 0:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self._pipe.answer(time.perf_counter() - self._started)
            self._wait(control)

    def _wait(self, control: TrainerControl) -> None:
        control.should_training_stop = self._pipe.next() is None
        self._started = time.perf_counter()


def load_rows(path: str) -> list[dict[str, Any]]:
    """All rows, each of its own length."""
    stored = np.load(path)
    ids, offsets = stored["ids"], stored["offsets"]
    return [
        {"input_ids": ids[offsets[row] : offsets[row + 1]].tolist(), "labels": int(label)}
        for row, label in enumerate(stored["labels"])
    ]


def main() -> None:
    """Trains as long as rounds are asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("inputs")
    parser.add_argument("checkpoint")
    parser.add_argument("--group-by-length", action="store_true")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--bf16", action="store_true", help="on a GPU where there is one")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--threads", type=int, required=True)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    logging.set_verbosity_error()
    rows = load_rows(given.inputs)
    tokenizer = AutoTokenizer.from_pretrained(given.checkpoint)
    model = AutoModelForSequenceClassification.from_pretrained(given.checkpoint, num_labels=2)
    grouping = {"train_sampling_strategy": "group_by_length"} if given.group_by_length else {}

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=given.batch,
            max_steps=ENDLESS,
            learning_rate=5e-5,
            weight_decay=0.01,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
            bf16=given.bf16,
            torch_compile=given.compile,
            **grouping,
        )
        Trainer(
            model=model,
            args=arguments,
            train_dataset=rows,
            data_collator=DataCollatorWithPadding(tokenizer),
            callbacks=[Rounds(math.ceil(len(rows) / given.batch))],
        ).train()


if __name__ == "__main__":
    main()
