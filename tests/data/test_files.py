"""Data files that are not there, or empty."""

from pathlib import Path

import pytest

from tuner.data.files import read_file
from tuner.errors import InputError


def refusal(path, key="data.train"):
    with pytest.raises(InputError) as refused:
        read_file(path, "csv", ["text", "label"], key)
    return refused.value


def test_a_mistyped_file_is_answered_by_its_neighbour(tmp_path):
    (tmp_path / "train.csv").write_text("text,label\na,1\n")
    assert refusal(tmp_path / "trian.csv").remedy == f"data.train={tmp_path / 'train.csv'}"
    named = refusal(tmp_path / "trian.csv", "the file to predict").remedy
    assert named == str(tmp_path / "train.csv")


@pytest.mark.parametrize("name", ["other.json", "no_folder/train.csv"])
def test_where_none_is_near_the_folder_is_said(tmp_path, name):
    remedy = refusal(tmp_path / name, "data.test").remedy
    assert remedy.startswith("data.test=FILE")
    assert str(Path.cwd()) in remedy


def test_an_empty_file_is_answered_by_the_form_of_one(tmp_path):
    (tmp_path / "empty.csv").touch()
    assert "text,label" in refusal(tmp_path / "empty.csv").remedy
