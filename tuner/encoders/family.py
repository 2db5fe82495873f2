"""Interface of an encoder family: all that depends on the architecture stands in its one file."""

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from tuner.encoders.activations import ACTIVATIONS
from tuner.encoders.forward import Forward, Inputs, Tensor, Weights
from tuner.encoders.heads import Head, above_each_token
from tuner.encoders.parameters import Parameter
from tuner.errors import InputError
from tuner.fields.bounds import Bounds, one_of
from tuner.fields.component import KINDS, Component
from tuner.fields.declared import Declared, declared
from tuner.formatting.value_text import value_text
from tuner.search.literature import Published, published_rates
from tuner.tasks import HeadKind
from tuner.trial.memory import ModelShape

SIZE = Bounds(text="a positive whole number below 2^31", low=1, high=2**31 - 1)
LAYERS = Bounds(text="a whole number from 1 to 1000", low=1, high=1000)
"""Some families share weights between layers, so that no tensors limit their number."""

SMALL_EPSILON = Bounds(text="a number from 0 to 1", low=0.0, high=1.0)
ACTIVATION = one_of(tuple(ACTIVATIONS))

SMALL = 768
"""Models narrower than this are not a paper's base model, but small ones."""

SMALL_BERT = published_rates("Turc 2019", 0.1, (1e-4, 16), (3e-4, 32))

AS_WRITTEN = "config.json as `save_pretrained` of transformers writes it"

_TOKENS = ("bos_token_id", "eos_token_id")
_OLD_NORMS = {"weight": "gamma", "bias": "beta"}

_REFUSED: Mapping[str, str] = {
    "is_decoder": "a token then attends to earlier tokens alone",
    "add_cross_attention": "an encoder has nothing to attend across to",
    "is_encoder_decoder": "only encoders can be fine-tuned",
    "pruned_heads": "pruned attention heads are not supported",
    "per_layer_config": "layers that differ from one another are not supported",
    "quantization_config": "quantized weights cannot be fine-tuned",
    "compression_config": "compressed weights cannot be fine-tuned",
    "transformers_weights": "the weights are read from the folder's usual files alone",
}
"""Field to the reason why it is refused where it is neither false nor empty."""


@dataclass(frozen=True, kw_only=True)
class Family(Component):
    """Sizes of an encoder, and all that depends on its architecture.

    A subclass is a frozen dataclass whose fields have the names and the defaults that they have in
    transformers' configuration. Fields of config.json that change nothing that is computed are no
    fields here. TensorFlow is imported inside the functions that build graphs only.
    """

    group: ClassVar[str] = "encoder"

    name: ClassVar[str]
    """`model_type` in config.json."""

    class_prefix: ClassVar[str]
    """Beginning of the names of transformers' classes, as `Bert`."""

    prefix: ClassVar[str]
    """First part of the names of the encoder's tensors, as `bert`."""

    tokenizer_class: ClassVar[str]
    """Tokenizer where no file of a checkpoint names one."""

    special_tokens: ClassVar[Mapping[str, str]]
    """Role, such as `cls_token`, to the token that the tokenizer's class has for it."""

    doubled_separator: ClassVar[bool] = False
    """True if two separators stand between the texts of a pair."""

    has_position_table: ClassVar[bool] = True
    """True if positions have embeddings, whose kind `position_embedding_type` names."""

    shares_layers: ClassVar[bool] = False
    """True if layers have their weights in common, so that none can be treated by itself."""

    published: ClassVar[Published]
    """Settings that its paper fine-tuned the base model with."""

    rates: ClassVar[tuple[str, ...]] = (
        "hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout",
    )  # fmt: skip
    """Dropout rates of config.json: exported as they are, training has `model.dropout`."""

    vocab_size: Annotated[int, SIZE] = 30522
    """Rows of the token embedding."""

    pad_token_id: int = 0
    """Token that fills rows up."""

    @property
    @abstractmethod
    def shape(self) -> ModelShape:
        """Sizes that decide the memory of a trial."""

    @property
    @abstractmethod
    def max_positions(self) -> int:
        """Tokens that a text may have, special ones included."""

    @property
    def token_types(self) -> int:
        """Token types that the encoder tells apart; 0 where it has none."""
        return 0

    @property
    def ignored_token_types(self) -> int:
        """Token types that transformers would tell apart if they were fed, and that are not."""
        return 0

    @abstractmethod
    def parameters(self) -> Iterator[Parameter]:
        """Yield the parameters of the encoder, from its input to its last layer."""

    @property
    def pooler(self) -> tuple[Parameter, ...]:
        """Parameters of pre-training above the last layer, which some heads build on."""
        return ()

    @abstractmethod
    def encode(self, inputs: Inputs, weights: Weights, forward: Forward) -> Tensor:
        """Return the hidden states after the last layer; runs inside a graph.

        Args:
            inputs: Token ids, types and lengths.
            weights: By the names of `parameters`.
            forward: Precision, dropout, what is kept for the backward pass.

        Returns:
            Tensor [rows, tokens, width] of type `forward.dtype`.
        """

    @abstractmethod
    def sequence_classifier(self, labels: int) -> Head:
        """Return the head that scores the labels of a text; its logits are [rows, labels]."""

    def token_classifier(self, labels: int) -> Head:
        """Return the head that scores the labels of each token, [rows, tokens, labels]."""
        return self._above_each_token(HeadKind.TOKEN, "classifier", labels, dropout=True)

    def span_classifier(self) -> Head:
        """Return the head that scores each token as start and as end, [rows, tokens, 2]."""
        return self._above_each_token(HeadKind.SPAN, "qa_outputs", 2, dropout=False)

    def _above_each_token(
        self, kind: HeadKind, place: str, outputs: int, *, dropout: bool
    ) -> Head:
        shape = self.shape
        return above_each_token(
            self.class_name(kind),
            place,
            shape.hidden,
            outputs,
            depth=shape.layers + 1,
            dropout=dropout,
        )

    def multiple_choice(self) -> Head:
        """Return the head that scores a text as a choice, [rows, 1]."""
        return replace(self.sequence_classifier(1), class_name=self.class_name(HeadKind.CHOICE))

    def class_name(self, kind: HeadKind) -> str:
        """Return the class of transformers that has this encoder and a head of a kind."""
        return f"{self.class_prefix}{kind.value}"

    def head(self, kind: HeadKind, labels: int) -> Head:
        """Return the head of a kind.

        Args:
            kind: Kind of head.
            labels: Number of labels, where the kind has them.
        """
        match kind:
            case HeadKind.SEQUENCE:
                return self.sequence_classifier(labels)
            case HeadKind.TOKEN:
                return self.token_classifier(labels)
            case HeadKind.SPAN:
                return self.span_classifier()
            case HeadKind.CHOICE:
                return self.multiple_choice()

    @property
    def parameter_count(self) -> int:
        """Numbers that the encoder has, those of its pooler among them."""
        return sum(math.prod(each.shape) for each in (*self.parameters(), *self.pooler))

    @property
    def first_settings(self) -> Published:
        """Published settings to try first."""
        return SMALL_BERT if self.shape.hidden < SMALL else self.published

    @classmethod
    def names_in_files(cls, name: str) -> Iterator[str]:
        """Yield the names that checkpoints give a tensor, the usual one first.

        Some lack the first part, as files of the bare encoder do; some have further parts before
        it, which the caller looks for; old files spell layer norms otherwise.
        """
        bare = name.removeprefix(f"{cls.prefix}.")
        for spelled in dict.fromkeys((name, bare)):
            yield spelled
            stem, _, last = spelled.rpartition(".")
            if stem.endswith("LayerNorm"):
                yield f"{stem}.{_OLD_NORMS[last]}"

    @classmethod
    def from_config(cls, config: Mapping[str, Any], folder: Path) -> Self:
        """Return the encoder that a config.json describes.

        Args:
            config: Content of config.json.
            folder: Folder of the checkpoint, for messages.

        Raises:
            InputError: A value that the field does not have, or a field that makes transformers
                compute something else than the plain encoder.
        """
        cls.refuse(config, folder)
        given = cls.read(config)
        made = cls(**{
            item.name: _value(item, given[item.name], folder)
            for item in declared(cls)
            if item.name in given
        })  # fmt: skip
        for problem in made.problems():
            raise InputError(problem, where=str(folder / "config.json"), remedy=AS_WRITTEN)
        return made

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the fields as config.json has them; those left out are absent."""
        values = {item.name: config[item.name] for item in declared(cls) if item.name in config}
        if values.get("pad_token_id", 0) is None:
            del values["pad_token_id"]
        return values

    @classmethod
    def refuse(cls, config: Mapping[str, Any], folder: Path) -> None:
        """Refuse fields that make transformers compute something else than the plain encoder.

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
                    remedy=f"model=bert_base, or another checkpoint without {key}; where the "
                    f"weights do not depend on it, remove {key} from config.json",
                )
        kind = config.get("position_embedding_type", "absolute")
        if cls.has_position_table and kind != "absolute":
            raise InputError(
                f"the positions are {value_text(kind)}, and only absolute ones are supported",
                where=f"position_embedding_type in {where}",
                remedy="model=bert_base, or another checkpoint with absolute positions: the "
                "weights of this one mean nothing without the relative ones",
            )

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with values that do not fit one another."""
        if not 0 <= self.pad_token_id < self.vocab_size:
            yield f"pad_token_id is {self.pad_token_id}, which is no token of {self.vocab_size}"
        shape = self.shape
        if shape.hidden % shape.heads:
            yield f"{shape.heads} attention heads do not divide the width {shape.hidden}"

    def exported(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of an exported config.json that describe the encoder.

        Every field that decides the logits is written out, defaults as well. Fields without an
        effect on them are left out, since they may keep transformers from loading the model.

        Args:
            config: config.json of the checkpoint, for rates and tokens.
        """
        out: dict[str, Any] = {"model_type": self.name}
        out |= {item.name: getattr(self, item.name) for item in declared(type(self))}
        rates = (*self.rates, "initializer_range")
        out |= {key: float(config[key]) for key in rates if _is_share(config.get(key))}
        return out | {key: config[key] for key in _TOKENS if _is_token(config.get(key))}


def _value(item: Declared, value: Any, folder: Path) -> Any:
    """A value of config.json in the type and the bounds of its field."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = is_number if item.type is float else type(value) is item.type
    if fits and (item.bounds is None or item.bounds.admits(value)):
        return float(value) if item.type is float else value
    wanted = KINDS[item.type] if item.bounds is None else item.bounds.text
    raise InputError(
        f"{item.name} is {value_text(value)}, which is not {wanted}",
        where=f"{item.name} in {folder / 'config.json'}",
        remedy=AS_WRITTEN,
    )


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _is_token(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
