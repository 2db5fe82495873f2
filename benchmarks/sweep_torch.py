"""The fine-tune in torch that the sides `trainer` and `ray` of `sweep.py` have in common."""

import time
from collections.abc import Iterable
from typing import Any

import torch
from sweep_task import Task, read_rows
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    logging,
)

SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}
"""The names of transformers."""


class Stopwatch(TrainerCallback):
    """Times trials from their first batch to their end, and counts those that were not pruned."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.complete = 0
        self._started = 0.0

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Everything is set up."""
        self._started = time.perf_counter()

    def on_train_end(self, args: Any, state: Any, *rest: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """The trial is over or pruned."""
        self.seconds += self.running()
        self.complete += state.global_step == state.max_steps

    def running(self) -> float:
        """Seconds since the trial began."""
        return time.perf_counter() - self._started


def make_trainer(
    task: Task, threads: int, callbacks: Iterable[TrainerCallback], **arguments: Any
) -> Trainer:
    """The Trainer of a task: dynamic padding, no checkpoints, an evaluation at each point.

    Args:
        task: Task to train.
        threads: CPU threads.
        callbacks: Callbacks of the Trainer.
        arguments: TrainingArguments of the trial.
    """
    torch.set_num_threads(threads)
    logging.set_verbosity_error()
    tokenizer = AutoTokenizer.from_pretrained(task.checkpoint)

    def tokenized(path: str) -> list[dict[str, Any]]:
        texts, labels = read_rows(path)
        tokens = tokenizer(texts, truncation=True, padding=False, max_length=task.max_length)
        return [
            {"input_ids": ids, "labels": label}
            for ids, label in zip(tokens["input_ids"], labels, strict=True)
        ]

    return Trainer(
        model_init=lambda: AutoModelForSequenceClassification.from_pretrained(
            task.checkpoint, num_labels=2
        ),
        args=TrainingArguments(
            output_dir="trainer",
            num_train_epochs=task.epochs,
            per_device_train_batch_size=task.batch,
            per_device_eval_batch_size=4 * task.batch,
            weight_decay=task.weight_decay,
            max_grad_norm=task.clip_norm,
            eval_strategy="steps",
            eval_steps=task.updates_between,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            seed=task.seed,
            **arguments,
        ),
        train_dataset=tokenized(task.train),
        eval_dataset=tokenized(task.validation),
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=lambda found: {
            "accuracy": float((found.predictions.argmax(-1) == found.label_ids).mean())
        },
        callbacks=list(callbacks),
    )
