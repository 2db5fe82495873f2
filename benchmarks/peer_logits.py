"""Logits of a Hugging Face folder's own `texts.json` by transformers, for `export.py`; as JSON."""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, logging

folder = Path(sys.argv[1])
logging.disable_progress_bar()
tokenizer = AutoTokenizer.from_pretrained(folder)
model, loading = AutoModelForSequenceClassification.from_pretrained(
    folder, output_loading_info=True
)
if loading["missing_keys"] or loading["unexpected_keys"]:
    raise ValueError(f"the folder does not fit: {loading}")
model.eval()
texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
inputs = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
with torch.inference_mode():
    print(json.dumps(model(**inputs).logits.tolist()))
