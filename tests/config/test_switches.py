"""Sections that true and false switch on and off, wherever they are written."""

import pytest

from tuner.config import compose_sweep
from tuner.config.switches import switched_key, switches
from tuner.errors import InputError
from tuner.settings.settings import SoupSettings

SPACE = {"training.batch_size": "choice(8, 16)"}
ON, OFF = SoupSettings(enabled=True), SoupSettings(enabled=False)


def soup(folder, *words, section=None):
    if section is not None:
        return compose_sweep(words, folder, section={"space": SPACE, **section}).agent.sweep.soup
    return compose_sweep(["sweep=lr_search", *words], folder).agent.sweep.soup


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["sweep.soup=true"], ON),
        (["sweep.soup=false"], OFF),
        (["sweep.soup.enabled=false"], OFF),
        (["sweep.soup=true", "sweep.soup.keep=4"], SoupSettings(enabled=True, keep=4)),
        (["sweep.soup.retain=false", "sweep.soup=true"], SoupSettings(enabled=True, retain=False)),
        (["sweep.soup={enabled: true, keep: 3}"], SoupSettings(enabled=True, keep=3)),
    ],
)
def test_on_the_command_line(tmp_path, words, expected):
    assert soup(tmp_path, *words) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [("true", ON), ("no", OFF), ("{enabled: true, keep: 3}", SoupSettings(enabled=True, keep=3))],
)
def test_in_a_file(tmp_path, written, expected):
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps/own.yaml").write_text(
        f"soup: {written}\nspace: {{training.batch_size: 'choice(8, 16)'}}\n"
    )
    assert compose_sweep(["sweep=own"], tmp_path).agent.sweep.soup == expected


def test_in_the_section_of_a_call_and_above_it(tmp_path):
    assert soup(tmp_path, section={"soup": True}) == ON
    assert soup(tmp_path, "sweep.soup=false", section={"soup": True}) == OFF


@pytest.mark.parametrize("word", ["sweep.soup=3", "sweep.soup=null", "sweep.soup.keep=1"])
def test_other_values_are_refused(tmp_path, word):
    with pytest.raises(InputError):
        soup(tmp_path, word)


def test_only_sections_with_the_field_have_a_switch():
    assert switches() == ("sweep.soup",)
    assert switched_key("sweep.confirm", True) == "sweep.confirm"
