"""Labelled texts: reading, checking, splitting, tokenising and caching, without TensorFlow."""

from tuner.data.preparation import PreparedData, prepare, read_validation
from tuner.data.report import DataReport
from tuner.data.tokenized import TokenizedSplit

__all__ = ["DataReport", "PreparedData", "TokenizedSplit", "prepare", "read_validation"]
