"""Speed and size of a model as goals: measured by the worker, and told apart by the goals."""

from dataclasses import replace
from itertools import accumulate, count

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.goals import goals
from tests.records import outcome
from tests.tiny_checkpoints import write_checkpoint
from tests.training.test_fine_tune import Recorder
from tuner.search.pareto import front

pytestmark = pytest.mark.tf


def test_the_time_of_an_example_is_the_median_without_the_first_passes():
    from tuner.training import inference

    passes = inference.WARM_UPS + inference.PASSES
    # The first passes take a minute each, the others 1, 2, 3, … ms.
    seconds = [60.0] * inference.WARM_UPS + [n / 1000 for n in range(1, inference.PASSES + 1)]
    clock = iter(accumulate(part for each in seconds for part in (0.0, each)))
    asked = []

    class Evaluator:
        def logits(self, split, rows, batch_size):
            asked.append((rows.tolist(), batch_size))

    class Split:
        offsets = np.array([0, 5, 7, 107, 110])
        inputs = np.array([0, 2, 3, 4])  # Examples of 7, 100 and 3 tokens.

        def inputs_of(self, examples):
            return np.arange(self.inputs[examples[0]], self.inputs[examples[0] + 1])

    found = inference.inference_ms(Evaluator(), Split(), lambda: next(clock))
    assert found == pytest.approx((inference.PASSES + 1) / 2)
    assert asked == [([0], 2)] * passes


def test_the_smaller_of_two_checkpoints_is_faster_and_the_larger_one_can_be_excluded(
    workspace, make_settings, tmp_path
):
    from tuner.training.fine_tune import FineTuner

    tuner, numbers, found = FineTuner(), count(), {}
    wanted = goals(["val_accuracy", "inference_ms"], {"model_mb": "<= 1"})
    for name, layers in (("shallow", 1), ("deep", 24)):
        write_checkpoint(workspace / name, "bert", hidden=64, layers=layers)
        recorder = Recorder()
        settings = make_settings(checkpoint=name, epochs=0.2)
        assert not tuner.run(settings, recorder, None, None, (), True)
        tuner.save_model(tmp_path / name)
        tensors = load_file(tmp_path / name / "model.safetensors")
        assert recorder.reports[-1].model_mb == sum(t.nbytes for t in tensors.values()) / 1e6
        # Measured once: no update changes it.
        assert len({report.inference_ms for report in recorder.reports}) == 1
        measured = wanted.measure(recorder.reports)
        found[name] = replace(
            outcome(next(numbers), value=measured["val_accuracy"]),
            measured=measured,
            violated=wanted.violated(measured),
        )
    shallow, deep = found["shallow"], found["deep"]
    assert 0 < 3 * shallow.measured["inference_ms"] < deep.measured["inference_ms"]
    assert not shallow.violated
    assert deep.violated == (f"model_mb {deep.measured['model_mb']:.4g}, not <= 1",)
    assert front([shallow, deep], wanted) == [shallow]
