from tuner.api import Callback as Callback
from tuner.api import InputError as InputError
from tuner.api import Model as Model
from tuner.api import Prediction as Prediction
from tuner.api import Study as Study
from tuner.api import Trial as Trial
from tuner.api import TunerError as TunerError
from tuner.api import load_study as load_study
from tuner.api import sweep as sweep
from tuner.api import train as train

__version__: str
