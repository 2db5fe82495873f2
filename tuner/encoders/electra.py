"""ELECTRA (Clark 2020), its discriminator: BERT with narrower embeddings and another head."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

from tuner.encoders import layers
from tuner.encoders.activations import gelu
from tuner.encoders.bert import Bert
from tuner.encoders.family import SIZE
from tuner.encoders.forward import Forward, Inputs, Tensor, Weights
from tuner.encoders.heads import Head, above_pooler, two_dense_layers
from tuner.encoders.parameters import Origin, Parameter, linear, placed
from tuner.search.literature import Published, published_rates
from tuner.tasks import HeadKind


@dataclass(frozen=True, kw_only=True)
class Electra(Bert):
    """ELECTRA: a dense layer between embeddings and hidden states of different widths."""

    name: ClassVar[str] = "electra"
    class_prefix: ClassVar[str] = "Electra"
    prefix: ClassVar[str] = "electra"
    published: ClassVar[Published] = published_rates("Clark 2020", 0.1, (1e-4, 32), (5e-5, 32))

    embedding_size: Annotated[int, SIZE] = 128
    """Width of the embeddings."""

    hidden_size: Annotated[int, SIZE] = 256
    num_attention_heads: Annotated[int, SIZE] = 4
    intermediate_size: Annotated[int, SIZE] = 1024

    @property
    def embedding_width(self) -> int:
        """Width of the embeddings."""
        return self.embedding_size

    @property
    def _is_projected(self) -> bool:
        return self.embedding_size != self.hidden_size

    @property
    def pooler(self) -> tuple[Parameter, ...]:
        """No pooler: the head has a dense layer of its own."""
        return ()

    def parameters(self) -> Iterator[Parameter]:
        """Yield the parameters of the encoder."""
        yield from super().parameters()
        if self._is_projected:
            dense = linear("embeddings_project", self.embedding_size, self.hidden_size)
            yield from placed(self.prefix, 0, dense)

    def _embed(self, inputs: Inputs, encoder: Weights, forward: Forward) -> Tensor:
        x = super()._embed(inputs, encoder, forward)
        return layers.linear(x, encoder.at("embeddings_project")) if self._is_projected else x

    def sequence_classifier(self, labels: int) -> Head:
        """Return two dense layers above the first token, with a GELU between."""
        name, above = self.class_name(HeadKind.SEQUENCE), self.num_hidden_layers + 1
        return two_dense_layers(name, self.hidden_size, labels, above, gelu)

    def multiple_choice(self) -> Head:
        """Return a dense layer above a new pooler with a GELU."""
        width, above = self.hidden_size, self.num_hidden_layers + 1
        dense = linear("sequence_summary.summary", width, width)
        pooler = tuple(placed("", above, dense, Origin.NEW))
        return above_pooler(self.class_name(HeadKind.CHOICE), pooler, 1, gelu)
