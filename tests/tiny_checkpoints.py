"""Writes tiny checkpoints and data sets, so that tests need no download.

The checkpoints have the layout, the tensor names and the tokenizer files of real ones in Hugging
Face format; only their weights are random and their sizes small.
"""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

GOOD = ("wonderful", "brilliant", "moving", "funny", "superb", "charming", "delightful", "fresh")
BAD = ("awful", "boring", "clumsy", "dreadful", "stale", "tedious", "lifeless", "ugly")
PLAIN = (
    "the", "a", "film", "movie", "plot", "cast", "story", "scene", "with", "and", "is", "was",
    "very", "quite", "of", "in", "this", "that", "director", "actor", "music", "ending",
)  # fmt: skip
WORDS = (*PLAIN, *GOOD, *BAD)

MODEL_TYPES = ("bert", "roberta", "distilbert", "albert", "xlm-roberta")
CLASSES = {
    "bert": "Bert",
    "roberta": "Roberta",
    "distilbert": "DistilBert",
    "albert": "Albert",
    "xlm-roberta": "XLMRoberta",
}

SPREAD = 0.08
"""Standard deviation of the weights: enough that attention and activation show in outputs."""


class Weights(dict[str, np.ndarray]):
    """Random tensors by name, float32, in the shapes that PyTorch keeps them in."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = np.random.default_rng(seed)

    def matrix(self, name: str, *shape: int) -> None:
        self[name] = self._random.normal(0.0, SPREAD, shape).astype(np.float32)

    def linear(self, name: str, outputs: int, inputs: int) -> None:
        self.matrix(f"{name}.weight", outputs, inputs)
        self.matrix(f"{name}.bias", outputs)

    def norm(self, name: str, size: int) -> None:
        noise = self._random.normal(0.0, SPREAD, (2, size)).astype(np.float32)
        self[f"{name}.weight"] = 1 + noise[0]
        self[f"{name}.bias"] = noise[1]


def write_checkpoint(
    folder: Path,
    model_type: str = "bert",
    *,
    hidden: int = 32,
    inner: int | None = None,
    layers: int = 2,
    heads: int = 2,
    vocab: int | None = None,
    positions: int = 64,
    hidden_act: str = "gelu",
    seed: int = 0,
    labels: Sequence[str] | None = None,
) -> Path:
    """Writes a checkpoint with random weights and a tokenizer that knows `WORDS`.

    Args:
        folder: Made if it does not exist.
        model_type: One of `MODEL_TYPES`.
        hidden: Width.
        inner: Width of the feed-forward layers; twice `hidden` unless given.
        layers: Transformer layers.
        heads: Attention heads; divides `hidden`.
        vocab: Rows of the embedding; the tokenizer's size unless given.
        positions: Tokens that a text may have.
        hidden_act: Written into config.json.
        seed: Seed of the weights.
        labels: With labels the classification head is written too.

    Returns:
        The folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = write_tokenizer(folder, model_type)
    size = {
        "hidden": hidden,
        "inner": inner or 2 * hidden,
        "layers": layers,
        "heads": heads,
        "vocab": vocab or tokenizer.get_vocab_size(),
        # RoBERTa counts positions from pad_token_id + 1 = 2.
        "positions": positions + (2 if model_type in ("roberta", "xlm-roberta") else 0),
    }
    config = _config(model_type, size, hidden_act)
    if labels is not None:
        config["id2label"] = {str(i): label for i, label in enumerate(labels)}
        config["label2id"] = {label: i for i, label in enumerate(labels)}
    task = "MaskedLM" if labels is None else "SequenceClassification"
    config["architectures"] = [f"{CLASSES[model_type]}For{task}"]
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    weights = Weights(seed)
    {"distilbert": _distilbert, "albert": _albert}.get(model_type, _bert)(
        weights, size, "roberta" if model_type == "xlm-roberta" else model_type
    )
    if labels is not None:
        _head(weights, model_type, hidden, len(labels))
    save_file(dict(weights), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _config(model_type: str, size: dict[str, int], hidden_act: str) -> dict[str, Any]:
    roberta = model_type in ("roberta", "xlm-roberta")
    config: dict[str, Any] = {
        "model_type": model_type,
        "vocab_size": size["vocab"],
        "max_position_embeddings": size["positions"],
        "pad_token_id": 1 if roberta else 0,
        "initializer_range": 0.02,
    }
    if model_type == "distilbert":
        return config | {
            "dim": size["hidden"],
            "hidden_dim": size["inner"],
            "n_layers": size["layers"],
            "n_heads": size["heads"],
            "activation": hidden_act,
            "dropout": 0.1,
            "attention_dropout": 0.1,
            "seq_classif_dropout": 0.2,
            "sinusoidal_pos_embds": False,
        }
    config |= {
        "hidden_size": size["hidden"],
        "intermediate_size": size["inner"],
        "num_hidden_layers": size["layers"],
        "num_attention_heads": size["heads"],
        "hidden_act": hidden_act,
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "type_vocab_size": 1 if roberta else 2,
        "layer_norm_eps": 1e-5 if roberta else 1e-12,
    }
    if model_type == "albert":
        config |= {
            "embedding_size": size["hidden"] // 2,
            "num_hidden_groups": 1,
            "inner_group_num": 1,
            "classifier_dropout_prob": 0.1,
        }
    return config


def _embeddings(weights: Weights, size: dict[str, int], prefix: str, width: int) -> None:
    types = {"bert": 2, "albert": 2, "roberta": 1}.get(prefix, 0)
    weights.matrix(f"{prefix}.embeddings.word_embeddings.weight", size["vocab"], width)
    weights.matrix(f"{prefix}.embeddings.position_embeddings.weight", size["positions"], width)
    if types:
        weights.matrix(f"{prefix}.embeddings.token_type_embeddings.weight", types, width)
    weights.norm(f"{prefix}.embeddings.LayerNorm", width)


def _bert(weights: Weights, size: dict[str, int], prefix: str) -> None:
    hidden, inner = size["hidden"], size["inner"]
    _embeddings(weights, size, prefix, hidden)
    for i in range(size["layers"]):
        layer = f"{prefix}.encoder.layer.{i}"
        for part in ("query", "key", "value"):
            weights.linear(f"{layer}.attention.self.{part}", hidden, hidden)
        weights.linear(f"{layer}.attention.output.dense", hidden, hidden)
        weights.norm(f"{layer}.attention.output.LayerNorm", hidden)
        weights.linear(f"{layer}.intermediate.dense", inner, hidden)
        weights.linear(f"{layer}.output.dense", hidden, inner)
        weights.norm(f"{layer}.output.LayerNorm", hidden)
    if prefix == "bert":
        weights.linear("bert.pooler.dense", hidden, hidden)


def _distilbert(weights: Weights, size: dict[str, int], prefix: str) -> None:
    hidden, inner = size["hidden"], size["inner"]
    _embeddings(weights, size, prefix, hidden)
    for i in range(size["layers"]):
        layer = f"{prefix}.transformer.layer.{i}"
        for part in ("q_lin", "k_lin", "v_lin", "out_lin"):
            weights.linear(f"{layer}.attention.{part}", hidden, hidden)
        weights.norm(f"{layer}.sa_layer_norm", hidden)
        weights.linear(f"{layer}.ffn.lin1", inner, hidden)
        weights.linear(f"{layer}.ffn.lin2", hidden, inner)
        weights.norm(f"{layer}.output_layer_norm", hidden)


def _albert(weights: Weights, size: dict[str, int], prefix: str) -> None:
    hidden, inner = size["hidden"], size["inner"]
    _embeddings(weights, size, prefix, hidden // 2)
    weights.linear(f"{prefix}.encoder.embedding_hidden_mapping_in", hidden, hidden // 2)
    layer = f"{prefix}.encoder.albert_layer_groups.0.albert_layers.0"
    for part in ("query", "key", "value", "dense"):
        weights.linear(f"{layer}.attention.{part}", hidden, hidden)
    weights.norm(f"{layer}.attention.LayerNorm", hidden)
    weights.linear(f"{layer}.ffn", inner, hidden)
    weights.linear(f"{layer}.ffn_output", hidden, inner)
    weights.norm(f"{layer}.full_layer_layer_norm", hidden)
    weights.linear(f"{prefix}.pooler", hidden, hidden)


def _head(weights: Weights, model_type: str, hidden: int, classes: int) -> None:
    if model_type in ("roberta", "xlm-roberta"):
        weights.linear("classifier.dense", hidden, hidden)
        weights.linear("classifier.out_proj", classes, hidden)
        return
    if model_type == "distilbert":
        weights.linear("pre_classifier", hidden, hidden)
    weights.linear("classifier", classes, hidden)


def write_tokenizer(folder: Path, model_type: str) -> Tokenizer:
    """Writes tokenizer.json and what belongs beside it; returns the tokenizer."""
    build = {"bert": _wordpiece, "distilbert": _wordpiece, "roberta": _byte_bpe}
    tokenizer, special = build.get(model_type, lambda: _unigram(model_type))()
    tokenizer.save(str(folder / "tokenizer.json"))
    name = {"bert": "BertTokenizer", "distilbert": "DistilBertTokenizer"}.get(
        model_type, f"{CLASSES[model_type]}Tokenizer"
    )
    settings = {"tokenizer_class": name, "do_lower_case": True, "model_max_length": 64} | special
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2))
    if model_type in ("bert", "distilbert"):
        vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
        (folder / "vocab.txt").write_text("".join(f"{token}\n" for token, _ in vocabulary))
    elif model_type == "roberta":
        tokenizer.model.save(str(folder))
    return tokenizer


def _wordpiece() -> tuple[Tokenizer, dict[str, str]]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", ",", "!", "?",
        *letters, *(f"##{letter}" for letter in letters), *(w for w in WORDS if w != "a"),
    ]  # fmt: skip
    vocabulary = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(tokens[:5])
    return tokenizer, {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }


def _byte_bpe() -> tuple[Tokenizer, dict[str, str]]:
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens, merges = [*special, *alphabet], []
    for word in (*(f"Ġ{plain}" for plain in WORDS), *WORDS):
        for end in range(2, len(word) + 1):
            if word[:end] not in tokens:
                tokens.append(word[:end])
                merges.append((word[: end - 1], word[end - 1]))
    vocabulary = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(special)
    return tokenizer, _roberta_tokens()


def _unigram(model_type: str) -> tuple[Tokenizer, dict[str, str]]:
    albert = model_type == "albert"
    special = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
    if not albert:
        special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    letters = "abcdefghijklmnopqrstuvwxyz.,!?▁"
    pieces = [(token, 0.0) for token in special]
    pieces += [(f"▁{word}", -5.0) for word in WORDS] + [(letter, -12.0) for letter in letters]
    tokenizer = Tokenizer(models.Unigram(pieces, special.index("<unk>"), byte_fallback=False))
    if albert:
        tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    start, end = ("[CLS]", "[SEP]") if albert else ("<s>", "</s>")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start}:0 $A:0 {end}:0",
        pair=f"{start} $A {end} $B:1 {end}:1" if albert else f"{start} $A {end} {end} $B {end}",
        special_tokens=[(token, special.index(token)) for token in (start, end)],
    )
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens(special)
    if not albert:
        return tokenizer, _roberta_tokens()
    return tokenizer, {
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }


def _roberta_tokens() -> dict[str, str]:
    return {
        "bos_token": "<s>",
        "cls_token": "<s>",
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    }


def reviews(rows: int, seed: int = 0) -> list[tuple[str, str]]:
    """Random short reviews and their labels `negative` and `positive`, in turns.

    A review has one to three words of its own side among plain ones, so that a tiny encoder
    learns the task within a few hundred examples.
    """
    random = np.random.default_rng(seed)
    out = []
    for row in range(rows):
        side = GOOD if row % 2 else BAD
        words = list(random.choice(PLAIN, random.integers(3, 12)))
        words += list(random.choice(side, random.integers(1, 4)))
        random.shuffle(words)
        out.append((" ".join(words), "positive" if row % 2 else "negative"))
    return out


def write_reviews(path: Path, rows: int = 200, seed: int = 0) -> Path:
    """Writes `reviews` as a CSV with the columns `text` and `label`; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        writer.writerows(reviews(rows, seed))
    return path
