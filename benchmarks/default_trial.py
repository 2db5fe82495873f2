"""The default configuration, as the benchmarks use it."""

from dataclasses import replace
from pathlib import Path

from tuner.config import compose_sweep
from tuner.settings.settings import TrialSettings


def default_trial(*overrides: str) -> TrialSettings:
    """The untuned default of the bundled search, with these overrides."""
    folder = Path(__file__).resolve().parents[1]
    return compose_sweep(["sweep=lr_search", *overrides], folder).base


def one_epoch(rows: int, seed: int = 0) -> TrialSettings:
    """One pass over so many rows, evaluated once at its end on a few."""
    settings = default_trial(f"data.train_examples={rows}", "data.validation_examples=16")
    training = replace(settings.training, epochs=1.0, evaluations=1, seed=seed)
    return replace(settings, training=training)
