"""Writes tiny checkpoints and data sets, so that tests need no download.

The checkpoints have the layout, the tensor names and the tokenizer files of real ones in Hugging
Face format; only their weights are random and their sizes small.
"""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from tuner import encoders
from tuner.encoders import Draw, Origin
from tuner.tasks import HeadKind

GOOD = ("wonderful", "brilliant", "moving", "funny", "superb", "charming", "delightful", "fresh")
BAD = ("awful", "boring", "clumsy", "dreadful", "stale", "tedious", "lifeless", "ugly")
PLAIN = (
    "the", "a", "film", "movie", "plot", "cast", "story", "scene", "with", "and", "is", "was",
    "very", "quite", "of", "in", "this", "that", "director", "actor", "music", "ending",
)  # fmt: skip
WORDS = (*PLAIN, *GOOD, *BAD)

MODEL_TYPES = (
    "bert", "roberta", "distilbert", "albert", "xlm-roberta", "camembert", "electra", "mpnet",
    "deberta-v2", "modernbert",
)  # fmt: skip
LIKE_BERT = ("bert", "distilbert", "electra", "mpnet")
"""Families with word pieces."""

COUNTED = ("roberta", "xlm-roberta", "camembert", "mpnet")
"""Families that count positions from the padding token on, here 1, and have one token type."""

DISTILBERT = {
    "hidden_size": "dim", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads",
    "intermediate_size": "hidden_dim", "hidden_act": "activation",
}  # fmt: skip
"""Usual names of fields to DistilBERT's."""

DEBERTA = {
    "relative_attention": True, "pos_att_type": "p2c|c2p", "share_att_key": True,
    "norm_rel_ebd": "layer_norm", "position_biased_input": False, "position_buckets": 8,
}  # fmt: skip
"""Fields as DeBERTa v3 has them."""

MODERNBERT = {"global_attn_every_n_layers": 2, "local_attention": 8, "pad_token_id": 0}
"""Fields that show in tiny models."""

SPREAD = 0.08
"""Standard deviation of the weights: enough that attention and activation show in outputs."""


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
    head: HeadKind = HeadKind.SEQUENCE,
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
        labels: With labels the head is written too.
        head: Kind of the head.

    Returns:
        The folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = write_tokenizer(folder, model_type)
    fields = {
        "vocab_size": vocab or tokenizer.get_vocab_size(),
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": inner or 2 * hidden,
        "hidden_act": hidden_act,
        "max_position_embeddings": positions,
    }
    if model_type in COUNTED:
        more = {"max_position_embeddings": positions + 2, "type_vocab_size": 1}
        fields |= more | {"layer_norm_eps": 1e-5}
    elif model_type in ("albert", "electra"):
        fields["embedding_size"] = hidden // 2
    elif model_type == "distilbert":
        fields = {DISTILBERT.get(name, name): value for name, value in fields.items()}
    elif model_type == "deberta-v2":
        fields |= DEBERTA | {"embedding_size": hidden}
    elif model_type == "modernbert":
        fields |= MODERNBERT | {"hidden_activation": fields.pop("hidden_act")}
    family = encoders.find(model_type)(**fields)
    made = family.head(head, len(labels or ()))
    config = family.exported({"initializer_range": 0.02} | dict.fromkeys(family.rates, 0.1))
    config["architectures"] = [f"{family.class_prefix}ForMaskedLM"]
    parameters = [*family.parameters(), *family.pooler]
    if labels is not None:
        config["id2label"] = {str(i): label for i, label in enumerate(labels)}
        config["label2id"] = {label: i for i, label in enumerate(labels)}
        config["architectures"] = [made.class_name]
        parameters += [each for each in made.parameters if each.origin is Origin.NEW]
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    random = np.random.default_rng(seed)
    weights = {
        each.name: random.normal(0.0, SPREAD, each.shape).astype(np.float32)
        + np.float32(each.draw is Draw.ONES)
        for each in parameters
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


_BERT_TOKENS = {
    "pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}  # fmt: skip
_ROBERTA_TOKENS = {
    "bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>",
    "mask_token": "<mask>", "cls_token": "<s>", "sep_token": "</s>",
}  # fmt: skip
_TOKENS = {
    **dict.fromkeys(("bert", "distilbert", "electra", "modernbert", "deberta-v2"), _BERT_TOKENS),
    **dict.fromkeys(("roberta", "xlm-roberta", "camembert"), _ROBERTA_TOKENS),
    "mpnet": _ROBERTA_TOKENS | {"unk_token": "[UNK]"},
    "albert": _BERT_TOKENS | {"pad_token": "<pad>", "unk_token": "<unk>"},
}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def write_tokenizer(folder: Path, model_type: str) -> Tokenizer:
    """Writes tokenizer.json and what belongs beside it; returns the tokenizer."""
    kinds = {
        **dict.fromkeys(LIKE_BERT, _wordpiece),
        **dict.fromkeys(("roberta", "modernbert"), _byte_bpe),
    }
    roles = _TOKENS[model_type]
    special = list(dict.fromkeys(roles.values()))
    tokenizer = kinds.get(model_type, _unigram)(special, roles["unk_token"])
    if model_type in ("albert", "deberta-v2"):
        tokenizer.normalizer = normalizers.Lowercase()
    first, last = roles["cls_token"], roles["sep_token"]
    numbered = [(token, special.index(token)) for token in (last, first)]
    if model_type in ("roberta", "mpnet"):
        tokenizer.post_processor = processors.RobertaProcessing(*numbered)
    else:
        doubled = f"{first} $A {last} {last} $B {last}"
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{first}:0 $A:0 {last}:0",
            pair=doubled if first == "<s>" else f"{first} $A {last} $B:1 {last}:1",
            special_tokens=numbered,
        )
    tokenizer.add_special_tokens(special)
    tokenizer.save(str(folder / "tokenizer.json"))
    name = encoders.find(model_type).tokenizer_class
    settings = {"tokenizer_class": name, "do_lower_case": True, "model_max_length": 64} | roles
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2))
    if model_type in LIKE_BERT:
        vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
        (folder / "vocab.txt").write_text("".join(f"{token}\n" for token, _ in vocabulary))
    elif model_type == "roberta":
        tokenizer.model.save(str(folder))
    return tokenizer


def _wordpiece(special: Sequence[str], unknown: str) -> Tokenizer:
    tokens = [
        *special, ".", ",", "!", "?", *_LETTERS, *(f"##{letter}" for letter in _LETTERS),
        *(w for w in WORDS if w != "a"),
    ]  # fmt: skip
    vocabulary = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=unknown))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def _byte_bpe(special: Sequence[str], unknown: str) -> Tokenizer:
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
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _unigram(special: Sequence[str], unknown: str) -> Tokenizer:
    pieces = [(token, 0.0) for token in special]
    pieces += [(f"▁{word}", -5.0) for word in WORDS]
    pieces += [(letter, -12.0) for letter in f"{_LETTERS}.,!?▁"]
    tokenizer = Tokenizer(models.Unigram(pieces, special.index(unknown), byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


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
