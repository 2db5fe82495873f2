"""The field's standard trouble, for real: each gets the word and the advice that it deserves."""

import pytest

from tests.scenarios import SCENARIOS, run

pytestmark = [pytest.mark.slow, pytest.mark.tf, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def tuner():
    from tuner.training.fine_tune import FineTuner

    return FineTuner()


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_practitioner_would_agree(tuner, tmp_path, name):
    scenario = SCENARIOS[name]
    found = run(tuner, scenario, tmp_path)
    assert found.diagnosis.status == scenario.expected, found.diagnosis
    for piece in scenario.advice:
        assert piece in found.diagnosis.advice
    if not scenario.advice:
        assert found.diagnosis.advice == ""
