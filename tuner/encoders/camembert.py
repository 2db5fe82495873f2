"""CamemBERT (Martin 2020): RoBERTa for French."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from tuner.encoders.family import SIZE
from tuner.encoders.roberta import Roberta


@dataclass(frozen=True, kw_only=True)
class Camembert(Roberta):
    """CamemBERT: RoBERTa with another vocabulary."""

    name: ClassVar[str] = "camembert"
    class_prefix: ClassVar[str] = "Camembert"
    tokenizer_class: ClassVar[str] = "CamembertTokenizer"

    vocab_size: Annotated[int, SIZE] = 30522
