"""Fields of config.json as transformers 5 reads them: refused, followed or left out of an export.

docs/checkpoints.md lists them. What is not named here has no effect on the logits of the five
architectures.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner.errors import InputError
from tuner.formatting.value_text import value_text

LAYER_NORM_EPS = 1e-12
"""Value of `layer_norm_eps` if config.json has none, in all configurations."""

_BERT_SIZES = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
    "max_position_embeddings",
)  # fmt: skip
_SIZES: Mapping[str, tuple[str, ...]] = {
    "distilbert": (
        "vocab_size", "dim", "n_layers", "n_heads", "hidden_dim", "max_position_embeddings",
    ),
    "albert": (
        *_BERT_SIZES, "embedding_size", "num_hidden_groups", "inner_group_num", "type_vocab_size",
    ),
}  # fmt: skip
_RATES: Mapping[str, tuple[str, ...]] = {
    "distilbert": ("dropout", "attention_dropout", "seq_classif_dropout", "qa_dropout"),
    "albert": ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout_prob"),
}
_BERT_RATES = ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout")
_TOKENS = ("bos_token_id", "eos_token_id")

_ALIASES = {
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
}
"""Second names of DistilBERT's fields; transformers takes the value under the second name."""

_REFUSED: Mapping[str, str] = {
    "is_decoder": "a token then attends to earlier tokens alone",
    "add_cross_attention": "an encoder has nothing to attend across to",
    "is_encoder_decoder": "only encoders can be fine-tuned",
    "pruned_heads": "pruned attention heads are not supported",
    "per_layer_config": "layers that differ from one another are not supported",
    "quantization_config": "quantized weights cannot be fine-tuned",
    "compression_config": "compressed weights cannot be fine-tuned",
    "transformers_weights": "the weights are read from model.safetensors alone",
}
"""Field to the reason why it is refused where it is neither false nor empty."""


def refuse_unsupported(config: Mapping[str, Any], model_type: str, folder: Path) -> None:
    """Refuse fields that make transformers compute another model than the plain encoder.

    Args:
        config: config.json.
        model_type: One of the supported ones.
        folder: The checkpoint, for messages.

    Raises:
        InputError: There is such a field.
    """
    where = folder / "config.json"
    for key, reason in _REFUSED.items():
        value = config.get(key)
        if value:
            raise InputError(
                f"{key} is {value_text(value)}: {reason}",
                where=f"{key} in {where}",
                remedy=f"a checkpoint without {key}; where the weights do not depend on it, "
                f"remove {key} from config.json",
            )
    for alias, name in _ALIASES.items() if model_type == "distilbert" else ():
        if alias in config and config[alias] != config.get(name):
            one, other = value_text(config[alias]), value_text(config.get(name))
            raise InputError(
                f"{alias} is {one} and {name} is {other}: they are two names of one field",
                where=f"{alias} and {name} in {where}",
                remedy=f"remove {alias} from config.json",
            )


def exported_config(
    config: Mapping[str, Any], model_type: str, *, hidden_act: str, pad_token_id: int
) -> dict[str, Any]:
    """Return the fields of an exported config.json that describe the encoder.

    Every field that decides the logits is written out, defaults as well. Fields without an effect
    on them are left out, since they may keep transformers from loading the model.

    Args:
        config: config.json of the checkpoint.
        model_type: One of the supported ones.
        hidden_act: Activation in use.
        pad_token_id: Padding token in use.
    """
    distilbert = model_type == "distilbert"
    out: dict[str, Any] = {"model_type": model_type}
    out |= {key: config[key] for key in _SIZES.get(model_type, _BERT_SIZES)}
    out["activation" if distilbert else "hidden_act"] = hidden_act
    if not distilbert:
        out["layer_norm_eps"] = float(config.get("layer_norm_eps", LAYER_NORM_EPS))
        out["type_vocab_size"] = int(config.get("type_vocab_size", 2))
    rates = (*_RATES.get(model_type, _BERT_RATES), "initializer_range")
    out |= {key: float(config[key]) for key in rates if is_share(config.get(key))}
    out |= {key: config[key] for key in _TOKENS if _is_token(config.get(key))}
    return out | {"pad_token_id": pad_token_id}


def is_share(value: Any) -> bool:
    """True for a number from 0 to 1."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _is_token(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
