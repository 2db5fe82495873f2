"""Encoder families, one file each: configuration, tensors, forward pass, heads, exports.

TensorFlow is imported only inside the functions that build graphs, so that configuration and
checkpoints read the families without it.

Example:
    >>> find("bert")(num_hidden_layers=6).max_positions
    512
"""

from tuner.encoders.albert import Albert
from tuner.encoders.bert import Bert
from tuner.encoders.camembert import Camembert
from tuner.encoders.deberta_v2 import DebertaV2
from tuner.encoders.distilbert import DistilBert
from tuner.encoders.electra import Electra
from tuner.encoders.family import Family
from tuner.encoders.forward import Dropout, Forward, Inputs, Weights
from tuner.encoders.heads import Head
from tuner.encoders.modernbert import ModernBert
from tuner.encoders.mpnet import MPNet
from tuner.encoders.parameters import Draw, Origin, Parameter
from tuner.encoders.roberta import Roberta
from tuner.encoders.xlm_roberta import XlmRoberta
from tuner.fields.registry import Registry

REGISTRY: Registry[Family] = Registry(Family)
"""All families by `model_type`."""

for _kind in (
    Albert, Bert, Camembert, DebertaV2, DistilBert, Electra, ModernBert, MPNet, Roberta,
    XlmRoberta,
):  # fmt: skip
    REGISTRY.register(_kind)

find = REGISTRY.find

__all__ = [
    "REGISTRY",
    "Bert",
    "Draw",
    "Dropout",
    "Family",
    "Forward",
    "Head",
    "Inputs",
    "Origin",
    "Parameter",
    "Weights",
    "find",
]
