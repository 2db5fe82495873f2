"""Forms of input, one module each: how cells are read, and how they become inputs of an encoder.

A task names its form (`Task.form`) and knows nothing else of cells and tokenizers.
"""

from collections.abc import Mapping

from tuner.data.forms.choices import CHOICES
from tuner.data.forms.context import CONTEXT
from tuner.data.forms.input_form import InputForm
from tuner.data.forms.texts import TEXTS
from tuner.data.forms.words import WORDS
from tuner.tasks import Form

FORMS: Mapping[Form, InputForm] = {
    Form.TEXTS: TEXTS,
    Form.WORDS: WORDS,
    Form.CONTEXT: CONTEXT,
    Form.CHOICES: CHOICES,
}

__all__ = ["FORMS", "InputForm"]
