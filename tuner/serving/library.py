"""The parts of onnx and onnxruntime, an extra, that are used here."""

from tuner.errors import InputError
from tuner.installation.remedies import install_extra

try:
    import onnx
    import onnxruntime
    from onnxruntime import quantization
except ImportError as error:
    raise InputError(
        "an export as ONNX needs onnx and onnxruntime",
        where="export.onnx",
        remedy=install_extra("onnx"),
    ) from error

__all__ = ["onnx", "onnxruntime", "quantization"]
