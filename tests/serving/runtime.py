"""A folder of ONNX as docs/serving.md runs it: with onnxruntime and tokenizers alone."""

import json

import numpy as np
import onnxruntime
from tokenizers import Tokenizer


def run(folder, texts, pairs=None, file="model.onnx"):
    """Outputs of a model by their names, for texts that are padded together."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    config = json.loads((folder / "config.json").read_text())
    described = json.loads((folder / "tokenizer_config.json").read_text())
    tokenizer.enable_truncation(described["model_max_length"])
    tokenizer.enable_padding(pad_id=config["pad_token_id"])
    encoded = tokenizer.encode_batch(
        texts if pairs is None else list(zip(texts, pairs, strict=True))
    )
    session = onnxruntime.InferenceSession(folder / file, providers=["CPUExecutionProvider"])
    given = {
        "input_ids": [each.ids for each in encoded],
        "attention_mask": [each.attention_mask for each in encoded],
        "token_type_ids": [each.type_ids for each in encoded],
    }
    fed = {each.name: np.array(given[each.name], np.int64) for each in session.get_inputs()}
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(names, fed), strict=True))
