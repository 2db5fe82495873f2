"""RoBERTa (Liu 2019): BERT with counted positions, one token type and another head."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from tuner.encoders import layers
from tuner.encoders.activations import tanh
from tuner.encoders.bert import Bert
from tuner.encoders.family import SIZE
from tuner.encoders.forward import Inputs, Tensor
from tuner.encoders.heads import Head, above_pooler, two_dense_layers
from tuner.encoders.parameters import Draw, Origin, Parameter
from tuner.search.literature import Published, published_rates
from tuner.tasks import HeadKind


@dataclass(frozen=True, kw_only=True)
class Roberta(Bert):
    """RoBERTa: positions count tokens from the padding token's number on."""

    name: ClassVar[str] = "roberta"
    class_prefix: ClassVar[str] = "Roberta"
    prefix: ClassVar[str] = "roberta"
    tokenizer_class: ClassVar[str] = "RobertaTokenizer"
    special_tokens: ClassVar[Mapping[str, str]] = {
        "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>",
        "pad_token": "<pad>", "cls_token": "<s>", "mask_token": "<mask>",
    }  # fmt: skip
    doubled_separator: ClassVar[bool] = True
    published: ClassVar[Published] = published_rates("Liu 2019", 0.06, (2e-5, 16), (1e-5, 32))

    vocab_size: Annotated[int, SIZE] = 50265
    pad_token_id: int = 1

    @property
    def max_positions(self) -> int:
        """Tokens that a text may have: the first has the position `pad_token_id + 1`."""
        return self.max_position_embeddings - self.pad_token_id - 1

    @property
    def token_types(self) -> int:
        """No token types are told apart: every token has the first one."""
        return 0

    @property
    def ignored_token_types(self) -> int:
        """Token types that transformers would tell apart if they were fed."""
        return self.type_vocab_size

    def _embedding_parameters(self) -> Iterator[Parameter]:
        # Some checkpoints leave the token types out, as the one in use means nothing.
        for each in super()._embedding_parameters():
            if each.name.startswith("token_type_embeddings"):
                yield replace(each, origin=Origin.CHECKPOINT_OR_NEW, draw=Draw.ZEROS)
            else:
                yield each

    @property
    def pooler(self) -> tuple[Parameter, ...]:
        """No pooler: the head has a dense layer of its own."""
        return ()

    def _types(self, inputs: Inputs) -> Tensor:
        import tensorflow as tf

        return tf.zeros_like(inputs.ids)

    def _positions(self, inputs: Inputs) -> Tensor:
        return layers.counted_positions(inputs, self.pad_token_id, self.max_position_embeddings)

    def sequence_classifier(self, labels: int) -> Head:
        """Return two dense layers above the first token, with a hyperbolic tangent between."""
        name, above = self.class_name(HeadKind.SEQUENCE), self.num_hidden_layers + 1
        return two_dense_layers(name, self.hidden_size, labels, above, tanh)

    def multiple_choice(self) -> Head:
        """Return a dense layer above BERT's pooler, which the other heads do without."""
        return above_pooler(self.class_name(HeadKind.CHOICE), super().pooler, 1, tanh)
