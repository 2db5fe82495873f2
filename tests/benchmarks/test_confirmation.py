from pathlib import Path

import pytest

from benchmarks.confirmation import FRESH, HEADINGS, Measured, cells, leaders, mean_text, overrides
from tuner.confirmation import Configuration, Confirmation, estimate
from tuner.errors import InputError


def scores(*values):
    return dict(zip(FRESH, values, strict=False))


def measured(fresh, *, confirmed):
    found = {1: 0.90, 2: 0.92}
    configuration = Configuration(
        trial=confirmed,
        promised=0.93,
        scores=found,
        estimate=estimate(list(found.values())),
        broken=0,
        raced_out=False,
    )
    return Measured(
        data="snips",
        rows=300,
        validation_rows=200,
        seed=1,
        trials=14,
        pruned=5,
        plain=4,
        promised=0.95,
        error=0.0154,
        confirmation=Confirmation(
            configurations=(configuration,), seeds=2, luck=0.005, lead=None, optimism=None
        ),
        fresh=fresh,
    )


def test_both_choices_are_told_by_their_fresh_seeds():
    plain, confirmed = scores(*[0.90, 0.92] * 5), scores(*[0.93, 0.95] * 5)
    found = measured({4: plain, 7: confirmed}, confirmed=7)
    row = dict(zip(HEADINGS, cells(found), strict=True))
    assert row["data (training / validation rows)"] == "snips (300 / 200)"
    assert row["trials (pruned)"] == "14 (5)"
    assert row["plain best: promised (standard error)"] == "trial 4: 0.9500 (0.0154)"
    assert row["optimism"] == "+0.0400"
    assert row["fresh seeds of the plain best"].startswith("0.9100 ± ")
    assert row["fresh seeds of the confirmed best"].startswith("0.9400 ± ")
    told = row["confirmed best: mean; corrected"]
    assert told.startswith("trial 7: 0.9100 ± ")
    assert told.endswith(" over 2 seeds; 0.9050")


@pytest.mark.parametrize(
    ("reached", "told"), [([0.93, 0.94], "outside the noise"), ([0.85, 0.98], "inside the noise")]
)
def test_a_difference_is_told_with_its_noise(reached, told):
    fresh = {4: scores(*[0.90, 0.92] * 5), 7: scores(*reached * 5)}
    assert cells(measured(fresh, confirmed=7))[-1].endswith(told)


def test_the_same_choice_is_said_to_be_that():
    fresh = {4: scores(0.90, 0.92)}
    assert cells(measured(fresh, confirmed=4))[-2:] == ["the same", "the same configuration"]


def test_every_leader_is_told_with_what_it_promised():
    (told,) = leaders(measured({4: scores(0.90)}, confirmed=7))
    assert told[:4] == ["snips", "1", "trial 7", "0.9300"]
    assert told[-1] == "+0.0200"


def test_a_mean_of_fewer_seeds_says_so():
    assert mean_text(scores(*[0.5, 0.7] * 5)).startswith("0.6000 ± 0.07")
    assert "over" not in mean_text(scores(*[0.5, 0.7] * 5))
    assert mean_text(scores(0.5)) == "0.5000 over 1 seeds"


def test_files_that_are_not_there(tmp_path):
    for texts in (None, tmp_path):
        with pytest.raises(InputError, match="files of snips"):
            overrides("snips", texts)
    assert overrides("rotten_tomatoes", None) == []
    (tmp_path / "snips").mkdir()
    assert f"data.train={tmp_path / 'snips' / 'train.csv'}" in overrides("snips", Path(tmp_path))
