"""XLM-R (Conneau 2020): RoBERTa for a hundred languages."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from tuner.encoders.family import SIZE
from tuner.encoders.roberta import Roberta


@dataclass(frozen=True, kw_only=True)
class XlmRoberta(Roberta):
    """XLM-R: RoBERTa with another vocabulary."""

    name: ClassVar[str] = "xlm-roberta"
    class_prefix: ClassVar[str] = "XLMRoberta"
    tokenizer_class: ClassVar[str] = "XLMRobertaTokenizer"

    vocab_size: Annotated[int, SIZE] = 30522
