"""Nothing that a user brings is run, nothing secret is written, nothing listens."""

import json
import os
import pickle
import sys

import pytest

from tests.commands.conftest import OWN
from tuner.__main__ import main

SECRETS = {
    "HF_TOKEN": "hf_SECRETSECRET1",
    "MLFLOW_TRACKING_TOKEN": "SECRETSECRET2",
    "MLFLOW_TRACKING_PASSWORD": "SECRETSECRET3",
    "PGPASSWORD": "SECRETSECRET4",
}
STORAGE_ERRORS = "http://me:SECRETSECRET5@127.0.0.1:9"


@pytest.fixture
def secrets(monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


def files_with(folder, text):
    files = (path for path in folder.rglob("*") if path.is_file())
    return [str(path.relative_to(folder)) for path in files if text.encode() in path.read_bytes()]


def test_no_secret_is_written_or_printed(folder, fake_workers, secrets, capfd):
    arguments = [
        *OWN,
        f"tracking.uri={STORAGE_ERRORS}",
        "tracking.on_outage=spool",
        "sweep.n_trials=2",
    ]
    assert main(arguments) == 0
    assert main(["train", "outputs/mine/best.yaml", *arguments[-3:-1]]) == 0
    printed = "".join(capfd.readouterr())
    assert "me:***@127.0.0.1:9" in printed
    assert "SECRETSECRET" not in printed
    assert files_with(folder, "SECRETSECRET") == []
    assert files_with(folder, "val_accuracy") != []


@pytest.mark.parametrize(
    "arguments",
    [
        [*OWN, "study=mine", "storage.url=postgresql://me:SECRETSECRET@127.0.0.1:9/x"],
        [
            *OWN,
            "study=mine",
            "storage.url=mysql://me:SECRETSECRET@127.0.0.1:9/x?password=SECRETSECRET",
        ],
        [*OWN, "storage.url=sqlite:////no/where/x.db?password=SECRETSECRET"],
        [*OWN, "tracking.uri=http://me:SECRETSECRET@127.0.0.1:9"],
        [*OWN, "tracking.uri=http://127.0.0.1:9?token=SECRETSECRET"],
        [*OWN, "model.checkpoint=https://me:SECRETSECRET@host/model"],
        [*OWN, "data.train=https://host/train.csv?access_token=SECRETSECRET"],
        ["sweep=https://me:SECRETSECRET@host/model"],
        ["https://me:SECRETSECRET@host/model"],
        ["train", "https://me:SECRETSECRET@host/best.yaml"],
        ["report", "study=x", "storage.url=postgresql://me:SECRETSECRET@127.0.0.1:9/x"],
    ],
)
def test_no_message_shows_a_password(folder, fake_workers, arguments, capfd):
    assert main(arguments) in (1, 2)
    printed = "".join(capfd.readouterr())
    assert "SECRETSECRET" not in printed
    assert "Traceback" not in printed
    assert files_with(folder, "SECRETSECRET") == []


class Boom:
    """An object whose unpickling would be seen."""

    def __reduce__(self):
        return os.mkdir, ("unpickled",)


CODE = "import os; os.mkdir('executed')\nclass Evil: pass\n"
PICKLES = (
    "pytorch_model.bin", "training_args.bin", "optimizer.pt", "rng_state.pth", "model.pkl",
    "tf_model.h5", "flax_model.msgpack", "model.keras", "model.weights.h5", "arguments.npy",
)  # fmt: skip


@pytest.fixture
def trapped(folder):
    """The checkpoint with pickles and code beside everything that is read."""
    tiny = folder / "tiny"
    for name in PICKLES:
        (tiny / name).write_bytes(pickle.dumps(Boom()))
    for name in ("modeling_evil.py", "tokenization_evil.py", "__init__.py", "tiny.py"):
        (tiny / name).write_text(CODE)
    for name, code in {
        "config.json": {"AutoConfig": "modeling_evil.Evil", "AutoModel": "modeling_evil.Evil"},
        "tokenizer_config.json": {"AutoTokenizer": ["tokenization_evil.Evil", None]},
    }.items():
        path = tiny / name
        content = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(content | {"auto_map": code}))
    return folder


class DivergenceDetector:
    """Counts what the interpreter does while it is on; such a hook stays for good."""

    def __init__(self):
        self.on = False
        self.seen = []
        sys.addaudithook(self._hook)

    def _hook(self, event, arguments):
        if self.on and event in ("socket.bind", "pickle.find_class"):
            self.seen.append((event, str(arguments)))


def test_no_pickle_no_code_and_no_server(trapped, fake_workers):
    watch = DivergenceDetector()
    watch.on = True
    assert main([*OWN, "sweep.n_trials=1"]) == 0
    watch.on = False
    assert watch.seen == []
    assert not (trapped / "unpickled").exists()
    assert not (trapped / "executed").exists()


def test_older_tokenizer_files_run_no_code_either(trapped, fake_workers, capsys):
    (trapped / "tiny" / "tokenizer.json").unlink()
    assert main([*OWN, "sweep.n_trials=1"]) in (0, 2)
    assert "Traceback" not in capsys.readouterr().err
    assert not (trapped / "executed").exists()


@pytest.mark.tf
def test_the_worker_builds_the_model_without_either(trapped):
    from tuner.checkpoints import inspect
    from tuner.training.model import Classifier

    Classifier(inspect(trapped / "tiny"), 2)
    assert not (trapped / "unpickled").exists()
    assert not (trapped / "executed").exists()


NAMES = (
    "../out", "/tmp/out", "a/../../out", "..", ".", "a\nb", "a\x00b", "a\\b", "~root/x", "a'b",
    " a", "x" * 201, "é" * 101, "\ud800",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_no_name_leaves_the_output_folder(folder, fake_workers, name, capsys):
    sweep = {"name": name, "space": {"training.seed": "1, 2"}}
    (folder / "sweeps" / "named.yaml").write_text(json.dumps(sweep))
    before = sorted(folder.parent.iterdir())
    assert main(["sweep=named", *OWN[1:]]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not (folder / "outputs").exists()
    assert sorted(folder.parent.iterdir()) == before


def test_labels_and_columns_name_no_files(folder, fake_workers):
    labels = ["../../out", "/tmp/out\x1b[31m"] * 20
    rows = "".join(f"film number {i},{label}\n" for i, label in enumerate(labels))
    (folder / "train.csv").write_text("text,label\n" + rows)
    before = sorted(folder.parent.iterdir())
    arguments = [word for word in OWN if not word.startswith("data.validation")]
    assert main([*arguments, "sweep.n_trials=1"]) == 0
    assert sorted(folder.parent.iterdir()) == before
    assert {path.name for path in (folder / "outputs").iterdir()} == {"mine"}
