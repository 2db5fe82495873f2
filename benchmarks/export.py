"""Logits of written models in transformers against ours: architectures, texts, largest difference.

    python benchmarks/export.py --peer-python /tmp/peers/bin/python

Each checkpoint is small and random but for MiniLM, gets a head of its own and weights that are
moved at random, as training moves them, and is written as a Hugging Face folder; transformers
then loads tokenizer and model from it by AutoTokenizer and AutoModelForSequenceClassification.
Then transformers loads the TrainingArguments of every optimizer with every schedule. The peer's
environment is the one of throughput.py.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from default_trial import default_trial
from turns import here

from tests.tiny_checkpoints import MODEL_TYPES, WORDS, write_checkpoint
from tuner.checkpoints import CheckpointInfo, inspect, locate
from tuner.data.texts import tokenized_texts
from tuner.results.export import training_arguments
from tuner.tasks import Classification
from tuner.training.evaluate import Evaluator
from tuner.training.hugging_face import save_model
from tuner.training.model import Classifier

TEXTS = 100
MAX_LENGTH = 48
GOAL = 1e-5
LABELS = ("bad", "fair", "good")


def texts() -> list[str]:
    """Texts of 1 to 90 words, so that some are truncated."""
    random = np.random.default_rng(0)
    return [" ".join(random.choice(WORDS, random.integers(1, 91))) for _ in range(TEXTS)]


def write(checkpoint: CheckpointInfo, folder: Path) -> np.ndarray:
    """Writes a model that no checkpoint is; returns its logits of the texts."""
    classifier = Classifier(checkpoint, len(LABELS))
    classifier.reset(seed=1, dropout=0.1)
    random = np.random.default_rng(2)
    for variable in classifier.variables:
        moved = random.normal(0.0, 0.1, variable.shape).astype(np.float32)
        variable.assign_add(moved)
    save_model(folder, classifier, checkpoint, Classification(), LABELS, MAX_LENGTH)
    split = tokenized_texts(checkpoint, Classification(), texts(), None, MAX_LENGTH)
    return Evaluator(classifier, Classification()).logits(split, np.arange(TEXTS), 16)


def check_arguments(peer: str) -> None:
    """Lets transformers load the arguments of every optimizer with every schedule."""
    conf = Path(__file__).resolve().parents[1] / "conf"
    optimizers, schedules = (
        sorted(path.stem for path in (conf / group).glob("*.yaml"))
        for group in ("optimizer", "schedule")
    )
    given = [
        training_arguments(default_trial(f"optimizer={one}", f"schedule={other}"))[0]
        for one in optimizers
        for other in schedules
    ]
    command = [peer, here("peer_arguments.py")]
    made = subprocess.run(
        command, check=True, input=json.dumps(given), stdout=subprocess.PIPE, text=True
    )
    print(f"\nTrainingArguments of {len(given)} configurations: {made.stdout.strip()}")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", required=True)
    peer = parser.parse_args().peer_python
    print(f"| checkpoint | largest difference of {TEXTS} texts' logits | goal {GOAL:g} |")
    print("|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        sources = {name: write_checkpoint(root / name, name) for name in MODEL_TYPES}
        sources["all-MiniLM-L6-v2"] = locate(default_trial().model)
        for name, source in sources.items():
            folder = root / "written" / name
            ours = write(inspect(source), folder)
            (folder / "texts.json").write_text(json.dumps(texts()))
            command = [peer, here("peer_logits.py"), str(folder)]
            theirs = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
            difference = float(np.abs(ours - np.array(theirs)).max())
            met = "met" if difference <= GOAL else "missed"
            print(f"| {name} | {difference:.1e} (logits up to {np.abs(ours).max():.1f}) | {met} |")
    check_arguments(peer)


if __name__ == "__main__":
    main()
