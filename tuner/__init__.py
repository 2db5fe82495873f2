"""Hyperparameter sweeps for fine-tuning BERT-like encoders."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("tuner")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0+unknown"
