"""Examples a second in training: ours, the Hugging Face Trainer and Keras `fit`, in turns.

    python benchmarks/throughput.py --peer-python /tmp/peers/bin/python

The default model and data, the same rows, batch size, AdamW rate and threads for all; every peer
in a process of its own. The Trainer pads each batch to its longest row (DataCollatorWithPadding)
and keeps its defaults otherwise; `trainer_grouped` also has its grouping by length. Keras fits
the classifier of keras-hub, compiled with its own AdamW, on rows padded to `max_length`. A first
round each, in which graphs are traced and compiled, is not counted. Ratios are taken within each
round, and once more between the fastest rounds, which other work on the machine disturbs least.
`products` is nothing but the matrix products of an epoch: the limit of our update on a processor.
The Trainer and keras-hub need environments of their own, which are made by

    python3 -m venv /tmp/peers
    /tmp/peers/bin/pip install torch==2.13.0 transformers accelerate
    python3 -m venv /tmp/keras
    /tmp/keras/bin/pip install keras-hub==0.32.0 safetensors 'tensorflow==2.21.*'

Without --peer-python the Trainer is left out, without --keras-python keras-hub. Earlier commits
take part with a checkout and a python that has their requirements:

    --earlier NAME /tmp/earlier/bin/python /tmp/checkout
"""

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from default_trial import one_epoch
from turns import Peer, here, in_turns, of_checkout, spread

from tuner.data import prepare
from tuner.tasks import Classification

GOALS = {"trainer": 1.3, "keras": 3.0}
"""Ours must be so many times as fast."""


def write_rows(path: Path, rows: int) -> str:
    """Writes the tokens of the default data for the peers; returns the checkpoint's folder."""
    settings = one_epoch(rows)
    prepared = prepare(settings.data, settings.model, Classification())
    train = prepared.train
    np.savez(path, ids=train.ids, offsets=train.offsets, labels=train.labels)
    return str(prepared.checkpoint.folder)


def commands(given: argparse.Namespace, inputs: str, checkpoint: str) -> dict[str, list[str]]:
    """The command line of each peer that can be run."""
    own = {"ours": "peer_ours.py", "products": "peer_products.py"}
    known = {
        name: [sys.executable, here(script), "--rows", str(given.rows)]
        for name, script in own.items()
    }
    if given.peer_python is not None:
        trainer = [given.peer_python, here("peer_trainer.py"), inputs, checkpoint]
        known |= {"trainer": trainer, "trainer_grouped": [*trainer, "--group-by-length"]}
    if given.keras_python is not None:
        known["keras"] = [given.keras_python, here("peer_keras.py"), inputs, checkpoint]
    chosen = {name: known[name] for name in given.peers.split(",") if name in known}
    for name, python, checkout in given.earlier:
        script = f"{checkout}/benchmarks/peer_ours.py"
        chosen[name] = [*of_checkout(python, checkout), script, "--rows", str(given.rows)]
    return chosen


def show(taken: dict[str, list[float]], rows: int) -> None:
    """Prints the table and whether the goals are met."""
    print(
        "\n| | examples a second: median (range) | ours is faster by: median (range) "
        "| fastest rounds | goal |"
    )
    print("|---|---|---|---|---|")
    for name, seconds in taken.items():
        speeds = [rows / each for each in seconds]
        ratios = [other / own for other, own in zip(seconds, taken["ours"], strict=True)]
        goal = GOALS.get(name)
        verdict = ""
        if goal is not None:
            verdict = f"{goal}: {'met' if median(ratios) >= goal else 'missed'}"
        ratio = "" if name == "ours" else spread(ratios)
        best = "" if name == "ours" else f"{min(seconds) / min(taken['ours']):.2f}"
        print(f"| {name} | {spread(speeds, 1)} | {ratio} | {best} | {verdict} |")


def main() -> None:
    """Runs all peers in turns."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rows", type=int, default=480, help="examples in one round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peer-python", help="a python with torch, transformers, accelerate")
    parser.add_argument("--keras-python", help="a python with keras-hub")
    parser.add_argument(
        "--earlier", nargs=3, metavar=("NAME", "PYTHON", "CHECKOUT"), action="append", default=[]
    )
    parser.add_argument("--peers", default="ours,products,trainer,trainer_grouped,keras")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder) / "rows.npz"
        checkpoint = write_rows(inputs, given.rows)
        chosen = commands(given, str(inputs), checkpoint)
        peers = [Peer(name, command, given.threads) for name, command in chosen.items()]
        try:
            taken = in_turns(peers, given.rounds)
        finally:
            for peer in peers:
                peer.close()
    print(f"{given.rounds} rounds of {given.rows} examples, {given.threads} threads")
    show(taken, given.rows)


if __name__ == "__main__":
    main()
