"""Weights fetched from the hub: safetensors, those that it converted, a pickle."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from huggingface_hub.utils import filter_repo_objects

from tuner.checkpoints import locate
from tuner.checkpoints.conversion import CONVERTER
from tuner.checkpoints.locate import fetched
from tuner.errors import InputError
from tuner.settings.settings import ModelSettings

MODEL = ModelSettings(checkpoint="some/model", revision="v2")
TOKENIZER = ("config.json", "tokenizer.json", "spiece.model", "vocab.txt")
OTHERS = ("tf_model.h5", "onnx/config.json", "flax_model.msgpack", "training_args.bin")
SAFE = ("model-1.safetensors", "model.safetensors.index.json")
PICKLED = ("pytorch_model.bin", "pytorch_model-1.bin", "pytorch_model.bin.index.json")


def commit_of(reference):
    """Hash of the commit that a reference points to."""
    return hashlib.sha256(reference.encode()).hexdigest()[:40]


@dataclass(frozen=True)
class Proposal:
    num: int = 1
    author: str = CONVERTER

    @property
    def git_reference(self):
        return f"refs/pr/{self.num}"


@dataclass(frozen=True)
class Commit:
    commit_id: str


@dataclass
class Hub:
    """A hub with one model, and the cache of this machine."""

    root: Path
    files: dict[str, tuple[str, ...]]
    """Reference to what it has."""

    proposals: list[Proposal] = field(default_factory=list)
    parents: dict[str, str] = field(default_factory=dict)
    """Reference to the commit that it begins at."""

    online: bool = True
    answers: bool = True
    """True if the hub answers about proposals."""

    def snapshot_download(
        self, name, *, revision, allow_patterns, ignore_patterns, local_files_only
    ):
        # A revision is a reference or a commit.
        (reference,) = {each for each in self.files if revision in (each, commit_of(each))}
        folder = self.root / commit_of(reference)
        if self.online and not local_files_only:
            folder.mkdir(exist_ok=True)
            for file in filter_repo_objects(
                self.files[reference],
                allow_patterns=allow_patterns,
                ignore_patterns=ignore_patterns,
            ):
                (folder / file).touch()
        elif not folder.exists():
            raise LocalEntryNotFoundError(name)
        return str(folder)

    def get_repo_discussions(self, name, *, discussion_type, discussion_status):
        assert (name, discussion_type, discussion_status) == ("some/model", "pull_request", "open")
        if not (self.online and self.answers):
            raise LocalEntryNotFoundError(name) if self.answers else _refused()
        yield from self.proposals

    def list_repo_commits(self, name, *, revision):
        assert name == "some/model"
        parent = self.parents.get(revision)
        return [Commit(commit_of(revision)), *([] if parent is None else [Commit(parent)])]


def _refused():
    error = HfHubHTTPError.__new__(HfHubHTTPError)
    OSError.__init__(error, "404")
    return error


@pytest.fixture
def make_hub(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))

    def make(*weights, **options):
        files = {"v2": (*TOKENIZER, *OTHERS, *weights)}
        files |= {f"refs/pr/{i}": (*files["v2"], "model.safetensors") for i in range(1, 4)}
        hub = Hub(tmp_path, files, **options)
        monkeypatch.setattr(huggingface_hub, "snapshot_download", hub.snapshot_download)
        monkeypatch.setattr(huggingface_hub, "HfApi", lambda: hub)
        return hub

    return make


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_safetensors_are_fetched_alone(make_hub):
    make_hub(*SAFE, *PICKLED, proposals=[Proposal()], parents={"refs/pr/1": commit_of("v2")})
    assert names(locate(MODEL)) == {*TOKENIZER, *SAFE, "pytorch_model.bin.index.json"}


def test_the_hub_s_own_conversion_comes_before_a_pickle(make_hub):
    parents = {
        "refs/pr/1": commit_of("older"),
        "refs/pr/2": commit_of("v2"),
        "refs/pr/3": commit_of("v2"),
    }
    proposals = [Proposal(1), Proposal(2, author="somebody"), Proposal(3)]
    hub = make_hub("pytorch_model.bin", proposals=proposals, parents=parents)
    folder = locate(MODEL)
    assert folder.name == commit_of("refs/pr/3")
    assert names(folder) == {*TOKENIZER, "model.safetensors"}
    hub.online = False
    assert locate(MODEL) == fetched(MODEL) == folder


def test_a_conversion_is_remembered_as_a_commit(make_hub, tmp_path):
    """A reference of the hub's, as an earlier version remembered it, is looked up again."""
    hub = make_hub(
        "pytorch_model.bin", proposals=[Proposal()], parents={"refs/pr/1": commit_of("v2")}
    )
    memory = tmp_path / "cache" / "conversions" / commit_of("v2")
    memory.parent.mkdir(parents=True)
    memory.write_text("refs/pr/2")
    folder = locate(MODEL)
    assert folder.name == memory.read_text() == commit_of("refs/pr/1")
    # The reference moves, and the weights stay.
    hub.proposals, hub.parents = [Proposal(3)], {"refs/pr/3": commit_of("v2")}
    assert locate(MODEL) == folder


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"answers": False},
        {"proposals": [Proposal(author="somebody")], "parents": {"refs/pr/1": commit_of("v2")}},
        {"proposals": [Proposal()], "parents": {"refs/pr/1": commit_of("older")}},
        {"proposals": [Proposal()]},
    ],
    ids=["none", "no answer", "somebody else's", "of an older commit", "without history"],
)
def test_else_the_pickle_is_fetched(make_hub, options):
    hub = make_hub(*PICKLED, **options)
    folder = locate(MODEL)
    assert names(folder) == {*TOKENIZER, *PICKLED}
    hub.online = False
    assert locate(MODEL) == fetched(MODEL) == folder


def test_a_pickle_that_was_fetched_is_kept_and_completed(make_hub):
    hub = make_hub(*PICKLED)
    (locate(MODEL) / "pytorch_model-1.bin").unlink()
    hub.proposals, hub.parents = [Proposal()], {"refs/pr/1": commit_of("v2")}
    assert names(locate(MODEL)) == {*TOKENIZER, *PICKLED}


def test_without_a_network_and_cache_it_is_refused(make_hub):
    make_hub(*SAFE, online=False)
    assert fetched(MODEL) is None
    with pytest.raises(InputError, match="cannot be reached"):
        locate(MODEL)
