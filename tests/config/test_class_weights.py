"""The one key that is a name or a mapping."""

import pytest

from tuner.config import compose_sweep, compose_trial, dump_trial, load_trial
from tuner.errors import InputError


def compose(tmp_path, *arguments):
    return compose_sweep(["sweep=lr_search", *arguments], tmp_path)


def test_a_name_or_a_mapping_on_the_command_line(tmp_path):
    def weights(*arguments):
        return compose(tmp_path, *arguments).base.training.class_weights

    assert weights() == "none"
    assert weights("training.class_weights=balanced") == "balanced"
    given = weights("training.class_weights={negative: 1, positive: 2.5}")
    assert given == {"negative": 1, "positive": 2.5}


def test_both_names_can_be_searched(tmp_path):
    composed = compose(tmp_path, "training.class_weights=choice(none, balanced)")
    for name in ("none", "balanced"):
        made = compose_trial(composed, {"training.class_weights": name})
        assert made.training.class_weights == name


def test_a_mapping_survives_the_file(tmp_path):
    trial = compose(tmp_path, "training.class_weights={0: 1.5, 1: 1}").base
    (tmp_path / "best.yaml").write_text(dump_trial(trial))
    again = load_trial(tmp_path / "best.yaml", folder=tmp_path).training.class_weights
    assert {str(label): weight for label, weight in again.items()} == {"0": 1.5, "1": 1}
    path = tmp_path / "best.yaml"
    plain = load_trial(path, ["training.class_weights=none"], folder=tmp_path)
    assert plain.training.class_weights == "none"


@pytest.mark.parametrize(
    "wrong", ["heavy", "{a: 0}", "{a: -1}", "{a: x}", "{a: true}", "{}", "[1, 2]", "3"]
)
def test_anything_else_is_said(tmp_path, wrong):
    with pytest.raises(InputError, match=r"training.class_weights is (.|\n)*none, balanced or"):
        compose(tmp_path, f"training.class_weights={wrong}")


@pytest.mark.parametrize(
    ("argument", "remedy"),
    [
        ("training.label_smoothing=1", "from 0 to below 1"),
        ("training.oversample=smote", "one of none, balanced"),
        ("training.freeze_layers=-1", "0 or more"),
        ("training.reinit_layers=-1", "0 or more"),
        ("training.ema_decay=1", "above 0 and below 1"),
        ("optimizer.layer_decay=0", "above 0, at most 1"),
        ("optimizer.layer_decay=1.1", "above 0, at most 1"),
    ],
)
def test_values_out_of_range_are_said(tmp_path, argument, remedy):
    with pytest.raises(InputError, match=remedy):
        compose(tmp_path, argument)
