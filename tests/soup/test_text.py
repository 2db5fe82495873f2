"""A soup in sentences, and as plain values."""

from dataclasses import replace

from tuner.confirmation import Score
from tuner.soup import (
    Gain,
    Member,
    Soup,
    Step,
    StoredSoup,
    provenance_of,
    soup_lines,
    soup_metrics,
)

A, B = (Member(trial=number, seed=0) for number in range(2))
SOUP = Soup(
    objective="val_accuracy",
    steps=tuple(Step(member=each, alone=0.8, score=0.8, kept=True) for each in (A, B)),
    single=A,
    single_of_all=B,
    selection_rows=20,
    acceptance_rows=21,
    gain=Gain(mean=0.02, low=-0.01, high=0.05),
    gain_of_all=Gain(mean=-0.03, low=-0.06, high=0.0),
    scores={"accuracy": Score(value=0.9, error=0.02)},
)


def stored(**given):
    return StoredSoup(soup=replace(SOUP, **given), considered=(A, B), instead_of=B)


def test_a_rejected_soup_is_shown_with_the_gain_that_rejected_it():
    rejected = stored(rejected="it scores worse")
    lines = " ".join(soup_lines(rejected))
    assert "it scores worse" in lines
    assert f"{B.text} is -0.0300 (95 % interval -0.0600 to +0.0000)" in lines
    found = provenance_of(rejected)
    assert (found["gain"], found["compared_with"]["trial"]) == (-0.03, 1)
    assert soup_metrics(rejected)["soup_gain"] == -0.03


def test_a_published_soup_is_shown_with_its_gain_over_the_best_of_the_selection():
    published = stored(gain_of_all=Gain(mean=0.0))
    assert f"{A.text} is +0.0200" in " ".join(soup_lines(published))
    found = provenance_of(published)
    assert (found["gain"], found["compared_with"]["trial"]) == (0.02, 0)
    assert found["scores"] == {"accuracy": {"value": 0.9, "standard_error": 0.02}}
