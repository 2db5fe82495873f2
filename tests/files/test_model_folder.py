"""Models' folders: complete or not there, and read as one version while they are replaced."""

import errno
import itertools
import os
import resource
import subprocess
import threading

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.records import outcome
from tuner.errors import InputError
from tuner.files import atomic, model_folder
from tuner.files.atomic import aside, replace_folder, restore_folder
from tuner.files.model_folder import (
    SUMS,
    check_complete,
    copy_complete,
    damage,
    defect,
    read_whole,
    save_complete,
    seal,
    twin,
    write_weights,
)

FILES = ("config.json", "model.safetensors", "tokenizer.json")


def write(folder, text):
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).write_text(f"{text} {name}")


def texts(folder):
    """First bytes of the files of a folder."""
    return {(folder / name).read_text().split()[0] for name in FILES}


@pytest.fixture
def model(tmp_path):
    save_complete(tmp_path / "model", lambda folder: write(folder, "one"))
    return tmp_path / "model"


def test_a_saved_model_is_complete_and_its_sums_are_what_sha256sum_reads(model):
    assert defect(model, contents=True) is None
    check = ["sha256sum", "--check", SUMS]
    checked = subprocess.run(check, cwd=model, capture_output=True, check=True)
    assert checked.stdout.count(b": OK") == len(FILES)


@pytest.mark.parametrize("error", [OSError(28, "full"), RuntimeError("any"), KeyboardInterrupt()])
def test_a_model_that_cannot_be_saved_leaves_the_one_before_it(model, error):
    def fail(folder):
        write(folder, "two")
        raise error

    with pytest.raises(type(error)):
        save_complete(model, fail)
    assert texts(model) == {"one"}
    assert [path.name for path in model.parent.iterdir()] == ["model"]


def test_a_model_above_the_limit_of_a_files_size_is_not_saved(model):
    """As over a quota: the system refuses the bytes, whoever writes them."""

    def save(folder):
        folder.mkdir()
        tensors = {"weights": np.zeros(100_000, np.float32)}
        write_weights(tensors, folder / "model.safetensors")

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OSError, match="File too large") as raised:
            save_complete(model, save)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert raised.value.errno == errno.EFBIG
    assert texts(model) == {"one"}
    assert [path.name for path in model.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("name", FILES)
def test_a_model_without_one_of_its_files_or_with_a_damaged_one_is_told(model, name):
    path = model / name
    path.write_text("cut off")
    assert defect(model) is None
    assert name in defect(model, contents=True)
    path.unlink()
    assert f"{name} is missing" in defect(model)
    with pytest.raises(InputError):
        check_complete(model)


@pytest.mark.parametrize("text", ["", "nothing", "0  ../../x\n", "0  /etc/passwd\n", "\xff"])
def test_sums_that_are_none_are_told(model, text):
    (model / SUMS).write_text(text, encoding="latin-1")
    assert defect(model) is not None


def test_a_folder_of_an_earlier_version_is_opened_instead(tmp_path):
    old = tmp_path / "old"
    old.mkdir()
    assert "config.json" in defect(old)
    (old / "config.json").write_text("{}")
    assert "model.safetensors is missing" in defect(old)
    save_file({"weights": np.zeros(100, np.float32)}, old / "model.safetensors")
    assert defect(old, contents=True) is None
    with (old / "model.safetensors").open("r+b") as file:
        file.truncate(200)
    assert "cut off" in defect(old)


def test_a_copy_that_fails_leaves_nothing(model, tmp_path):
    (model / "model.safetensors").write_text("damaged")
    with pytest.raises(InputError, match=r"model\.safetensors"):
        copy_complete(model, tmp_path / "copy")
    assert not list((tmp_path / "copy").glob("*"))


# -- replaced ---------------------------------------------------------------------------------


@pytest.fixture(params=["exchanged", "renamed"])
def way(request, monkeypatch):
    """With a file system that exchanges two folders in one step, and with one that cannot."""
    if request.param == "renamed":
        monkeypatch.setattr(atomic, "exchange", lambda one, other: False)
    return request.param


def test_a_folder_takes_anothers_place(way, tmp_path):
    write(tmp_path / "one", "one")
    replace_folder(tmp_path / "one", tmp_path / "model")
    write(tmp_path / "two", "two")
    replace_folder(tmp_path / "two", tmp_path / "model")
    assert texts(tmp_path / "model") == {"two"}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_takes_the_place_of_a_link_to_one(way, tmp_path):
    write(tmp_path / "one", "one")
    write(tmp_path / "two", "two")
    (tmp_path / "model").symlink_to("one")
    replace_folder(tmp_path / "two", tmp_path / "model")
    assert texts(tmp_path / "model") == {"two"}
    assert texts(tmp_path / "one") == {"one"}


def test_a_file_in_the_folders_place_stays(way, tmp_path):
    write(tmp_path / "one", "one")
    (tmp_path / "model").write_text("mine")
    with pytest.raises(NotADirectoryError):
        replace_folder(tmp_path / "one", tmp_path / "model")
    assert (tmp_path / "model").read_text() == "mine"
    assert texts(tmp_path / "one") == {"one"}


def test_a_folder_that_was_left_aside_comes_back(tmp_path):
    model = tmp_path / "model"
    write(aside(model), "one")
    restore_folder(model)
    assert texts(model) == {"one"}
    write(aside(model), "old")
    restore_folder(model)
    assert texts(model) == {"one"}
    assert not aside(model).exists()


def replacing(model, over, replaced):
    """Puts one version after the other in a folder's place."""
    for number in itertools.count():
        if over.is_set():
            return
        made = model.with_name(f"made{number}")
        write(made, f"v{number}")
        seal(made)
        replace_folder(made, model)
        replaced.append(number)


@pytest.fixture
def replaced(way, tmp_path):
    """A folder that is replaced all the time, and the numbers of its versions."""
    over, numbers, model = threading.Event(), [], tmp_path / "best_model"
    thread = threading.Thread(target=replacing, args=(model, over, numbers))
    thread.start()
    while not numbers:
        pass
    yield model, numbers
    over.set()
    thread.join()


def test_what_is_read_of_a_folder_that_is_replaced_is_of_one_version(replaced, monkeypatch):
    monkeypatch.setattr(model_folder, "READS", 10_000)
    monkeypatch.setattr(model_folder, "PAUSE", 0.0)
    model, numbers = replaced
    until = len(numbers) + 20
    while len(numbers) < until:
        assert len(read_whole(model, texts)) == 1


def test_copies_of_a_folder_that_is_replaced_are_of_one_version(replaced, monkeypatch, tmp_path):
    monkeypatch.setattr(model_folder, "READS", 10_000)
    monkeypatch.setattr(model_folder, "PAUSE", 0.0)
    model, numbers = replaced
    until, copy = len(numbers) + 20, tmp_path / "copy"
    while len(numbers) < until:
        copy_complete(model, copy)
        assert len(texts(copy)) == 1


def test_a_folder_that_is_always_another_one_is_told(model):
    def read(folder):
        os.utime(folder / "config.json")

    with pytest.raises(InputError, match="replaced"):
        read_whole(model, read)


def test_an_error_of_a_reader_counts_where_the_folder_stayed(model):
    with pytest.raises(ZeroDivisionError):
        read_whole(model, lambda folder: 1 / 0)
    with pytest.raises(FileNotFoundError):
        read_whole(model.with_name("none"), texts)


def test_a_twin_shares_the_bytes_and_not_the_names(model, tmp_path):
    twin(model, tmp_path / "twin")
    assert (tmp_path / "twin/config.json").stat().st_nlink == 2
    (tmp_path / "twin/config.json").unlink()
    assert defect(model, contents=True) is None


def test_the_model_of_another_study_is_not_taken_for_a_trial_of_the_same_number(tmp_path):
    from tuner.trial.kept_model import came_from

    file = tmp_path / "best.yaml"
    file.write_text("provenance: {trial: 0, attempt: 1, value: 0.6}\n")
    assert came_from(file, outcome(0, value=0.6))
    assert not came_from(file, outcome(0, value=0.8))
    assert not came_from(file, outcome(1, value=0.6))
    assert not came_from(tmp_path / "missing.yaml", outcome(0, value=0.6))


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_was_written_later_is_compared_with_its_checksum(model, name):
    assert damage(model) is None
    file = model / name
    before, at = file.read_text(), file.stat().st_mtime_ns
    file.write_text(before.swapcase())
    os.utime(file, ns=(at, at + 10**9))
    assert defect(model) is None
    assert damage(model) == f"{name} is not the file that {SUMS} lists"
    file.write_text(before)  # A newer file with the same content is no damage.
    os.utime(file, ns=(at, at + 2 * 10**9))
    assert damage(model) is None


def test_contents_are_read_once_for_each_version(model, monkeypatch):
    at = (model / "model.safetensors").stat().st_mtime_ns + 10**9
    os.utime(model / "model.safetensors", ns=(at, at))
    read = []
    sha256 = model_folder._sha256
    monkeypatch.setattr(model_folder, "_sha256", lambda file: read.append(file) or sha256(file))
    for _ in range(3):
        assert damage(model) is None
    assert len(read) == len(FILES)
