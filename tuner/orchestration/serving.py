"""Copies of a model made ready to serve, as the settings of an export say."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tuner.data import prepare, read_validation
from tuner.data.examples import Examples
from tuner.errors import InputError
from tuner.files.model_folder import seal
from tuner.serving import calibrated
from tuner.settings.export import ExportSettings
from tuner.settings.settings import TrialSettings
from tuner.tasks.calibration import Calibration
from tuner.worker.request import ask

MODEL, QUANTIZED = "model.onnx", "model_quantized.onnx"
"""Names of the files that optimum looks for."""

_WEIGHTS = "model.safetensors"


class ServingExport:
    """Export of one trial's model, of which several copies have the same temperature."""

    def __init__(
        self, export: ExportSettings, trial: TrialSettings, contents: Mapping[str, Any]
    ) -> None:
        """Check what the copies need, before anything is written.

        Args:
            export: Settings of the export.
            trial: Configuration of the trial.
            contents: Hashes of the study's models and data, see `InputReport.contents`.

        Raises:
            InputError: A library is not installed, the task has no temperature, or the validation
                rows cannot be read, or are not those of the study.
        """
        self._export = export
        if export.onnx is not None:
            import tuner.serving.library  # noqa: F401, PLC0415  (an extra)
        if export.calibrate:
            calibrated.check_calibrates(trial.task)
        self._rows: Examples | None = None
        if export.calibrate or export.quantize is not None:
            _check_data(trial, contents)
            self._rows = read_validation(trial.data, trial.task)
        self._calibration: Calibration | None = None

    def finish(self, folder: Path, *, as_onnx: bool) -> Iterator[str]:
        """Calibrate a copied model, and turn it into ONNX; yield lines about the result.

        Args:
            folder: Copy of the model; changed.
            as_onnx: True to leave models of ONNX in the place of its weights.

        Raises:
            InputError: The rows have targets that the model does not know, or int8 loses more
                than it may.
            TunerError: A process died, or onnxruntime computes something else.
        """
        if self._export.calibrate and self._rows is not None:
            yield from self._calibrate(folder, self._rows)
        if as_onnx:
            yield from self._convert(folder)

    def _calibrate(self, folder: Path, rows: Examples) -> Iterator[str]:
        is_first = self._calibration is None
        found = self._calibration = self._calibration or calibrated.fit(folder, rows)
        calibrated.divide_outputs(folder, found.temperature)
        if is_first:
            yield (
                f"temperature   {found.temperature:.3f}; calibration error {found.error:.4f} → "
                f"{found.calibrated_error:.4f} on {len(rows)} validation rows, each scored with a "
                "temperature fitted on others"
            )

    def _convert(self, folder: Path) -> Iterator[str]:
        file = folder / MODEL
        ask("tuner.serving", str(folder), str(file), what="conversion")
        if self._rows is not None and self._export.quantize is not None:
            yield from self._quantize(folder, file, self._rows)
        (folder / _WEIGHTS).unlink()
        seal(folder)

    def _quantize(self, folder: Path, file: Path, rows: Examples) -> Iterator[str]:
        from tuner.serving.quantized import check_loss, measure, quantize  # noqa: PLC0415  (an extra)

        quantize(file, folder / QUANTIZED)
        plain, small = measure([file, folder / QUANTIZED], folder, rows)
        name, score = next(iter(plain.task.scores.items()))
        check_loss(name, score, plain.evaluation, small.evaluation, self._export.quantize_loss)
        for kind, served in (("float32", plain), ("int8", small)):
            found = served.evaluation
            error = found.errors.get(name)
            known = "" if error is None else f" ± {error:.4f}"
            yield (
                f"{kind:<13} {served.megabytes:.1f} MB, {served.examples_per_second:.0f} "
                f"examples/s, {score.title} {found.scores[name]:.4f}{known}"
            )


def _check_data(trial: TrialSettings, contents: Mapping[str, Any]) -> None:
    """Check that data is what the study was made with: other rows may be those of training.

    Raises:
        InputError: It has changed, or cannot be read.
    """
    known = contents.get("data")
    if known and prepare(trial.data, trial.model, trial.task).fingerprint not in known:
        raise InputError(
            "the data has changed since the study was made, so that its validation rows cannot "
            "be told from others",
            where="data.train and data.validation",
            remedy="the files as they were; or export.calibrate=false export.quantize=null",
        )
