"""Loads lists of TrainingArguments from standard input with transformers, for `export.py`."""

import json
import sys
import tempfile

from transformers import TrainingArguments

with tempfile.TemporaryDirectory() as folder:
    for given in json.load(sys.stdin):
        made = TrainingArguments(output_dir=folder, use_cpu=True, **given)
        for key, value in given.items():
            loaded = getattr(made, key)
            if getattr(loaded, "value", loaded) != value:
                raise ValueError(f"{key} is {loaded!r}, not {value!r}")
print("loaded")
