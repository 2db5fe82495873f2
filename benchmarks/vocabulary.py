"""Updates of a multilingual model, now and at an earlier commit, in turns: speed and memory.

    python benchmarks/vocabulary.py --earlier NAME PYTHON CHECKOUT

The model has the shape of multilingual MiniLM: 250,002 token embeddings, width 384, 12 layers.
Weights are random; a batch has 16 texts of 27 tokens. Words are drawn by Zipf's law, so that
2,000 training texts use a few thousand of them. Memory is the largest resident memory of the
process above that of an idle worker, the same process before its first trial. What a first trial
of a checkpoint does beside (see rehearsal.py) is done before, by a process of its own.
"""

import argparse
import csv
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from peer_vocabulary import ROWS
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from turns import Peer, here, in_turns, of_checkout, spread

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.tiny_checkpoints import write_checkpoint

VOCABULARY = 250_002
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
WORDS = 25
"""Words of a text, beside two special tokens."""
EXPONENT = 1.3
"""Exponent of Zipf's law."""


def write(folder: Path) -> None:
    """Writes model, tokenizer and texts."""
    model = write_checkpoint(
        folder / "model", "xlm-roberta", vocab=VOCABULARY, hidden=384, inner=1536, layers=12,
        heads=12, positions=64,
    )  # fmt: skip
    tokens = [*SPECIAL, *(f"w{number}" for number in range(VOCABULARY - len(SPECIAL)))]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[(token, vocabulary[token]) for token in ("<s>", "</s>")],
    )
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.save(str(model / "tokenizer.json"))
    random = np.random.default_rng(0)
    for name, rows in (("train", ROWS), ("validation", 16)):
        drawn = random.zipf(EXPONENT, (rows, WORDS)) % (VOCABULARY - len(SPECIAL))
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("text", "label"))
            writer.writerows(
                (" ".join(f"w{number}" for number in row), "ab"[place % 2])
                for place, row in enumerate(drawn)
            )


def main() -> None:
    """Runs both in turns and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=160, help="examples in one round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--earlier", nargs=3, metavar=("NAME", "PYTHON", "CHECKOUT"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["TUNER_CACHE"] = str(folder / "cache")
        write(folder)
        pythons = {"now": [sys.executable]}
        if given.earlier:
            name, python, checkout = given.earlier
            pythons[name] = of_checkout(python, checkout)

        def peer(name: str) -> Peer:
            script = [here("peer_vocabulary.py"), place, name, "--rows", str(given.rows)]
            return Peer(name, [*pythons[name], *script], given.threads)

        for name in pythons:
            first = peer(name)
            first.round(0)
            first.close()
        peers = [peer(name) for name in pythons]
        try:
            taken = in_turns(peers, given.rounds)
        finally:
            for each in peers:
                each.close()
        print(f"{given.rounds} rounds of {given.rows} examples, {given.threads} threads\n")
        print("| | examples a second | now is faster by | memory above idle |")
        print("|---|---|---|---|")
        for name, seconds in taken.items():
            speeds = spread([given.rows / each for each in seconds], 1)
            ratios = [other / own for other, own in zip(seconds, taken["now"], strict=True)]
            memory = float((folder / f"{name}.memory").read_text()) / 1e6
            faster = "" if name == "now" else spread(ratios)
            print(f"| {name} | {speeds} | {faster} | {memory:.0f} MB |")


if __name__ == "__main__":
    main()
