"""Keys that may have another value at the next start of a study: decided for each."""

import dataclasses

import pytest

from tests.goals import goals
from tests.records import settings
from tuner.search.configuration_id import WITHOUT_EFFECT
from tuner.search.space import SearchSpace
from tuner.settings.between_starts import (
    BetweenStarts,
    decision_of,
    declared,
    kept,
    same,
    summarised,
)
from tuner.settings.settings import AgentSettings, TrialSettings, between_starts
from tuner.study.definition import MAY_CHANGE, Definition, changes
from tuner.trial.serialization import to_plain

DECISIONS = between_starts()
OF_TRIALS = [key for key, _ in declared(TrialSettings)]
PACKAGE = {"name": "a", "path": "b", "sha256": None, "stands_for": None}


@pytest.mark.parametrize("kind", [TrialSettings, AgentSettings])
def test_every_key_is_decided(kind):
    assert [key for key, decision in declared(kind) if decision is None] == []


def test_a_key_without_a_decision_is_found():
    @dataclasses.dataclass(kw_only=True)
    class Undecided:
        old: int = same(1)
        new: int = 2

    assert dict(declared(Undecided, "group")) == {"group.old": "same", "group.new": None}


def stored(key=None, value=None, content="0"):
    """A plain definition as it is stored, one key of the untuned default replaced."""
    definition = Definition(
        space=SearchSpace([]),
        base=settings(),
        goals=goals(("val_accuracy",)),
        contents={"model": ["0"], "data": [content]},
    )
    plain = definition.to_plain()
    # As earlier versions stored it: with every key.
    plain["base"] = to_plain(definition.base)
    plain["base"]["model"]["package"] = dict(PACKAGE)
    plain["base"]["data"]["package"] = dict(PACKAGE)
    if key is not None:
        *groups, name = key.split(".")
        place = plain["base"]
        for group in groups:
            place = place[group]
        place[name] = value
    return plain


@pytest.mark.parametrize("key", OF_TRIALS)
def test_a_key_makes_another_study_as_it_was_decided(key):
    decision = DECISIONS[key]
    assert decision is not BetweenStarts.NAMING
    value = {"name": "another"} if key in ("optimizer", "schedule") else "another"
    changed = stored(key, value)
    is_same = decision is BetweenStarts.SAME
    found = list(changes(stored(), changed))
    assert bool(found) == is_same
    assert all(f"{change.key}.".startswith(f"{key}.") for change in found)
    # A definition of this version lacks what is free.
    kept_keys = {**changed, "base": kept(changed["base"], DECISIONS)}
    assert bool(list(changes(stored(), kept_keys))) == is_same
    # With other contents a place counts, too.
    found = list(changes(stored(), stored(key, value, content="1")))
    assert (len(found) > 1) == (decision is not BetweenStarts.ANYTHING)
    assert "content of data: ['0'] → ['1']" in map(str, found)


def test_a_change_is_shown_with_both_values():
    (change,) = changes(stored(), stored("training.epochs", 9.0))
    assert str(change) == "training.epochs: 3.0 → 9.0"
    assert (change.key, change.before, change.after) == ("training.epochs", 3.0, 9.0)


def test_what_is_below_a_key_or_above_it_is_decided_with_it():
    assert decision_of("optimizer.momentum", DECISIONS) is BetweenStarts.SAME
    assert decision_of("launcher.options.qos", DECISIONS) is BetweenStarts.ANYTHING
    assert decision_of("model.package", DECISIONS) is BetweenStarts.SAME_CONTENT
    assert decision_of("training", DECISIONS) is BetweenStarts.SAME
    assert decision_of("no such key", DECISIONS) is BetweenStarts.SAME


def test_a_group_stands_for_its_keys_where_all_have_the_decision():
    assert {"launcher", "storage", "tracking", "sampler", "pruner", "sweep.confirm"} <= {
        *MAY_CHANGE
    }
    assert {"training.evaluation_batch_size", "data.test"} <= {*MAY_CHANGE}
    listed = [summarised(DECISIONS, decision) for decision in BetweenStarts]
    for key, decision in DECISIONS.items():
        found = [name for names in listed for name in names if f"{key}.".startswith(f"{name}.")]
        assert len(found) == 1
        assert found[0] in summarised(DECISIONS, decision)


def test_what_never_tells_two_trials_apart_is_free_too():
    assert {DECISIONS[key] for key in WITHOUT_EFFECT} == {BetweenStarts.ANYTHING}
