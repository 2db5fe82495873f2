"""A model made ready to serve: calibrated, as ONNX, in int8, with its figures."""
