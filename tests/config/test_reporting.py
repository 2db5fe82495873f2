import pytest

from tuner.config import compose_report
from tuner.errors import InputError


def compose(tmp_path, *arguments):
    return compose_report(arguments, tmp_path)


def test_the_study_is_the_sweeps_name_unless_it_is_given(tmp_path):
    assert compose(tmp_path, "sweep=lr_search").study == "lr_search"
    assert compose(tmp_path, "sweep=lr_search", "study=other").study == "other"
    assert compose(tmp_path).study is None


def test_a_sweep_that_has_no_file_any_more_is_a_name_like_any_other(tmp_path):
    assert compose(tmp_path, "sweep=gone").study == "gone"


def test_defaults_and_values(tmp_path):
    composed = compose(tmp_path)
    assert (composed.output, composed.storage.url) == ("outputs", None)
    assert (composed.settings.follow, composed.settings.output) == (False, None)
    composed = compose(
        tmp_path, "output=o", "storage.url=sqlite:///s.db", "report.follow=true",
        "report.interval=1", "report.output=page.html",
    )  # fmt: skip
    assert (composed.output, composed.storage.url) == ("o", "sqlite:///s.db")
    assert (composed.settings.follow, composed.settings.interval) == (True, 1.0)
    assert composed.settings.output == "page.html"


def test_a_storage_of_the_users_own_can_be_chosen(tmp_path):
    (tmp_path / "conf" / "storage").mkdir(parents=True)
    (tmp_path / "conf" / "storage" / "team.yaml").write_text("url: postgresql://db/optuna\n")
    assert compose(tmp_path, "storage=team").storage.url == "postgresql://db/optuna"


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("report.folow=true", "report.follow"),
        ("reprot.follow=true", "report"),
        ("training.epochs=3", "there is no key 'training.epochs'"),
        ("sweep.n_trials=3", "there is no key 'sweep.n_trials'"),
        ("data=csv", "there is no key 'data'"),
        ("+report.more=1", "adds or deletes a key"),
        ("study=a,b", "report searches nothing"),
        ("sampler.seed=3", "there is no key 'sampler.seed'"),
        ("study=../x", "a plain name"),
        ("report.interval=0", "above 0"),
        ("report.interval=.nan", "report.interval"),
        ("report.follow=maybe", "Value 'maybe' is not a valid bool"),
        ("--follow", "there is no option"),
    ],
)
def test_what_can_not_be_right_is_refused(tmp_path, argument, expected):
    with pytest.raises(InputError) as refused:
        compose(tmp_path, argument)
    assert expected in str(refused.value)
