"""A round of `throughput.py` or `gpu.py`: one epoch of the Hugging Face Trainer."""

import argparse
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
    TrainingArguments,
    logging,
)
from turns import serve


class Stopwatch(TrainerCallback):
    """Times `train` from its first batch to its end."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._started = 0.0

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Everything is set up."""
        self._started = time.perf_counter()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """An update is done, or under way on a GPU."""
        self.seconds = time.perf_counter() - self._started

    def on_train_end(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """The last update is under way on a GPU."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
            self.seconds = time.perf_counter() - self._started


def load_rows(path: str) -> list[dict[str, Any]]:
    """All rows, each of its own length."""
    stored = np.load(path)
    ids, offsets = stored["ids"], stored["offsets"]
    return [
        {"input_ids": ids[offsets[row] : offsets[row + 1]].tolist(), "labels": int(label)}
        for row, label in enumerate(stored["labels"])
    ]


def main() -> None:
    """Serves rounds."""
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

    def run_round(number: int) -> float:
        watch = Stopwatch()
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=given.batch,
                num_train_epochs=1,
                learning_rate=5e-5,
                weight_decay=0.01,
                seed=number,
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
                callbacks=[watch],
            ).train()
        return watch.seconds

    serve(run_round)


if __name__ == "__main__":
    main()
