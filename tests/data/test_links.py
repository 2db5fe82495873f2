"""Links in a checkpoint's folder."""

import pytest

from tests.tiny_checkpoints import write_checkpoint
from tuner.checkpoints import inspect
from tuner.errors import InputError


@pytest.fixture
def checkpoint(tmp_path):
    folder = tmp_path / "tiny"
    write_checkpoint(folder, "bert")
    return folder


def moved(folder, name, target):
    """Puts a link in a file's place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    (folder / name).rename(target)
    (folder / name).symlink_to(target)


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "config.json"])
def test_a_link_out_of_the_folder_is_refused_by_name(checkpoint, tmp_path, name):
    secret = tmp_path / "home" / "secret"
    moved(checkpoint, name, secret)
    with pytest.raises(InputError) as caught:
        inspect(checkpoint)
    assert name in caught.value.problem
    assert str(secret) in caught.value.problem


def test_a_link_through_another_link_is_followed_to_its_end(checkpoint, tmp_path):
    inside = checkpoint / "inside.json"
    moved(checkpoint, "tokenizer.json", tmp_path / "secret")
    (checkpoint / "tokenizer.json").rename(inside)
    (checkpoint / "tokenizer.json").symlink_to("inside.json")
    with pytest.raises(InputError):
        inspect(checkpoint)


def test_links_inside_the_folder_and_of_weights_are_allowed(checkpoint, tmp_path):
    moved(checkpoint, "model.safetensors", tmp_path / "disk" / "weights.safetensors")
    (checkpoint / "tokenizer.json").rename(checkpoint / "same.json")
    (checkpoint / "tokenizer.json").symlink_to("same.json")
    assert inspect(checkpoint).family.vocab_size > 0


def test_the_hub_cache_keeps_its_links(checkpoint, tmp_path):
    repository = tmp_path / "hub" / "models--a--b"
    snapshot = repository / "snapshots" / "0123"
    (repository / "blobs").mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for number, path in enumerate(sorted(checkpoint.iterdir())):
        path.rename(repository / "blobs" / str(number))
        (snapshot / path.name).symlink_to(f"../../blobs/{number}")
    assert inspect(snapshot).family.vocab_size > 0


def test_a_checkpoint_that_is_a_link_itself_is_allowed(checkpoint, tmp_path):
    (tmp_path / "latest").symlink_to(checkpoint)
    assert inspect(tmp_path / "latest").family.vocab_size > 0


@pytest.mark.parametrize("name", ["tf_model.h5", "README.md", "onnx"])
def test_links_of_files_that_are_not_read_are_allowed(checkpoint, tmp_path, name):
    (tmp_path / "elsewhere").touch()
    (checkpoint / name).symlink_to(tmp_path / "elsewhere")
    assert inspect(checkpoint).family.vocab_size > 0
