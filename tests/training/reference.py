"""The forward passes of the supported encoders in plain numpy, float64, from the checkpoint.

Written from the definitions in transformers (modeling_bert.py and its siblings), to compare with.
"""

import json
import math
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

_erf = np.vectorize(math.erf)

ACTIVATIONS = {
    "gelu": lambda x: x * 0.5 * (1.0 + _erf(x / math.sqrt(2.0))),
    "gelu_new": lambda x: (
        0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))
    ),
    "relu": lambda x: np.maximum(x, 0.0),
    "silu": lambda x: x / (1.0 + np.exp(-x)),
}


class Reference:
    """One checkpoint; call it with ids, types and lengths."""

    def __init__(self, folder: Path):
        self.config = json.loads((folder / "config.json").read_text())
        self.type = self.config["model_type"]
        weights = load_file(folder / "model.safetensors")
        self.weights = {name: value.astype(np.float64) for name, value in weights.items()}
        self.prefix = {"xlm-roberta": "roberta"}.get(self.type, self.type)
        distil = self.type == "distilbert"
        self.layers = self.config["n_layers" if distil else "num_hidden_layers"]
        self.heads = self.config["n_heads" if distil else "num_attention_heads"]
        self.act = ACTIVATIONS[self.config["activation" if distil else "hidden_act"]]
        self.epsilon = self.config.get("layer_norm_eps", 1e-12)

    def get(self, name):
        return self.weights[f"{self.prefix}.{name}"]

    def linear(self, name, x):
        return x @ self.get(f"{name}.weight").T + self.get(f"{name}.bias")

    def norm(self, name, x):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + self.epsilon)
        return scaled * self.get(f"{name}.weight") + self.get(f"{name}.bias")

    def attention(self, names, x, mask):
        rows, tokens, width = x.shape

        def split(y):
            return y.reshape(rows, tokens, self.heads, -1).transpose(0, 2, 1, 3)

        q, k, v = (split(self.linear(name, x)) for name in names[:3])
        scores = q @ k.transpose(0, 1, 3, 2) / math.sqrt(width / self.heads)
        scores = np.where(mask[:, None, None, :], scores, -np.inf)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        joined = (shares @ v).transpose(0, 2, 1, 3).reshape(rows, tokens, width)
        return self.linear(names[3], joined)

    def layer_names(self, i):
        if self.type == "distilbert":
            at = f"transformer.layer.{i}"
            heads = [f"{at}.attention.{p}_lin" for p in ("q", "k", "v", "out")]
            rest = ["sa_layer_norm", "ffn.lin1", "ffn.lin2", "output_layer_norm"]
        elif self.type == "albert":
            at = "encoder.albert_layer_groups.0.albert_layers.0"
            heads = [f"{at}.attention.{p}" for p in ("query", "key", "value", "dense")]
            rest = ["attention.LayerNorm", "ffn", "ffn_output", "full_layer_layer_norm"]
        else:
            at = f"encoder.layer.{i}"
            heads = [f"{at}.attention.self.{p}" for p in ("query", "key", "value")]
            heads.append(f"{at}.attention.output.dense")
            rest = ["attention.output.LayerNorm", "intermediate.dense", "output.dense"]
            rest.append("output.LayerNorm")
        return heads, [f"{at}.{name}" for name in rest]

    def hidden(self, ids, types, lengths):
        """Last hidden states, [rows, tokens, width]; padding rows are as they come."""
        tokens = ids.shape[1]
        mask = np.arange(tokens) < lengths[:, None]
        first = 2 if self.prefix == "roberta" else 0
        x = self.get("embeddings.word_embeddings.weight")[ids]
        x = x + self.get("embeddings.position_embeddings.weight")[first : first + tokens]
        if self.type != "distilbert":
            types = types if self.prefix in ("bert", "albert") else np.zeros_like(types)
            x = x + self.get("embeddings.token_type_embeddings.weight")[types]
        x = self.norm("embeddings.LayerNorm", x)
        if self.type == "albert":
            x = self.linear("encoder.embedding_hidden_mapping_in", x)
        for i in range(self.layers):
            heads, (norm, inner, outer, last) = self.layer_names(i)
            x = self.norm(norm, x + self.attention(heads, x, mask))
            x = self.norm(last, x + self.linear(outer, self.act(self.linear(inner, x))))
        return x

    def features(self, ids, types, lengths):
        """What the classification head reads: the pooler's output, or the first token."""
        first = self.hidden(ids, types, lengths)[:, 0]
        pooler = {"bert": "pooler.dense", "albert": "pooler"}.get(self.type)
        return np.tanh(self.linear(pooler, first)) if pooler else first
