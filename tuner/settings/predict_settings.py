"""Settings of the command `predict`."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PredictSettings:
    """Section `predict`: what is read of the file, and what is shown of it.

    Attributes:
        text: Column of the texts; null: the one that the model was trained on.
        text_pair: Column of the second texts; null: the one that the model was trained on.
        label: Column of the true labels; null: the one that the model was trained on, where the
            file has it.
        delimiter: As `data.delimiter`, for the file to predict; null: as in training.
        quoting: As `data.quoting`, for the file to predict; null: as in training.
        rows: Rows that are shown.
        output: CSV file for the predictions of all rows; null: none.
    """

    text: str | None = None
    text_pair: str | None = None
    label: str | None = None
    delimiter: str | None = None
    quoting: str | None = None
    rows: int = 10
    output: str | None = None
