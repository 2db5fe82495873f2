"""Functions and classes of the Python interface, as `import tuner` gives them."""

from tuner.api.callbacks import Callback
from tuner.api.calls import load_study, sweep, train
from tuner.api.model import Model, Prediction
from tuner.api.study import Study, Trial
from tuner.errors import InputError, TunerError

__all__ = [
    "Callback",
    "InputError",
    "Model",
    "Prediction",
    "Study",
    "Trial",
    "TunerError",
    "load_study",
    "sweep",
    "train",
]
