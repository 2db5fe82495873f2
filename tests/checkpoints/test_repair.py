"""Commands that repair a checkpoint's folder."""

import shlex
from pathlib import Path

import pytest

from tuner.checkpoints.repair import fetch_again, save_tokenizer_command


@pytest.mark.parametrize(
    ("repository", "hub_id"),
    [("models--org--a-model", "org/a-model"), ("models--bert-base-uncased", "bert-base-uncased")],
)
def test_a_file_of_the_hubs_cache_is_fetched_again(repository, hub_id):
    folder = Path("/cache/hub", repository, "snapshots", "0a1b")
    _, *words = shlex.split(fetch_again(folder, "config.json"))
    assert words == ["download", hub_id, "config.json", "--revision", "0a1b", "--force-download"]
    assert "config.json" not in fetch_again(folder)


@pytest.mark.parametrize("folder", ["/home/me/my model", "/models--org--a/other/0a1b", "model"])
def test_a_local_file_is_named(folder):
    remedy = fetch_again(Path(folder), "config.json")
    assert shlex.quote(f"{folder}/config.json") in remedy
    assert "download" not in remedy


def test_the_command_for_a_tokenizer_is_python():
    program, option, code = shlex.split(save_tokenizer_command("org/it's", Path("/my folder")))
    assert (program, option) == ("python", "-c")
    compile(code, "command", "exec")
    assert '"org/it\'s"' in code
    assert '"/my folder"' in code
