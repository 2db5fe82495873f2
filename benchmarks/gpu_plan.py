"""Plan of `gpu.py`: cases, sizes, rounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gpu_counts import update_flops, updates_lasting
from gpu_trial import LABELS, Case

from tuner.encoders import Bert
from tuner.trial.memory import ModelShape

MFU_GOAL = 0.40

ROUND_SECONDS = 5.0
ASSUMED_RATE = MFU_GOAL * 750e12
"""Operations a second by which rounds are made long enough: those of an H100 at the goal."""

BASE = {"hidden": 768, "inner": 3072, "layers": 12, "heads": 12, "vocab": 30522}
MINI = {"hidden": 384, "inner": 1536, "layers": 6, "heads": 12, "vocab": 30522}
SMALL = {"hidden": 32, "inner": 64, "layers": 2, "heads": 2, "vocab": 200}

MIDDLE = 128
"""Tokens of the texts on which a case is looked at closely."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One measurement.

    Attributes:
        cases: Model shapes and batches.
        rounds: Rounds of each peer.
        side: Side of the matrices whose product is timed.
        slots: Trials at a time.
        trials: Trials per slot in a packed sweep: the first compiles, the next runs beside first
            ones of other slots, the last beside slots that have run dry; the others count.
        trial: Overrides of the packed trials.
        peer_python: Interpreter that has the Trainer.
        tiny: It is a rehearsal.
    """

    cases: tuple[Case, ...]
    rounds: int
    side: int
    slots: tuple[int, ...]
    trials: int
    trial: tuple[str, ...]
    peer_python: str
    tiny: bool


def shape_of(sizes: Mapping[str, int], tokens: int) -> ModelShape:
    """The model of a case as operations are counted."""
    return Bert(
        hidden_size=sizes["hidden"],
        intermediate_size=sizes["inner"],
        num_hidden_layers=sizes["layers"],
        num_attention_heads=sizes["heads"],
        vocab_size=sizes["vocab"],
        max_position_embeddings=tokens,
    ).shape


def update_flops_of(case: Case) -> int:
    """Operations of one update of a case."""
    return update_flops(shape_of(case.sizes, case.tokens), case.batch, case.tokens, LABELS)


def _long_enough(case: Case) -> Case:
    updates = updates_lasting(ROUND_SECONDS, update_flops_of(case), ASSUMED_RATE)
    return replace(case, updates=updates)


FULL_CASES = tuple(
    _long_enough(
        Case(key=f"{key}-{tokens}", name=name, sizes=sizes, tokens=tokens, batch=batch, updates=0)
    )
    for key, name, sizes in (("base", "BERT-base", BASE), ("mini", "MiniLM", MINI))
    for tokens, batch in ((64, 128), (128, 64), (512, 16))
)
TINY_CASES = (Case(key="tiny", name="tiny", sizes=SMALL, tokens=16, batch=4, updates=12),)

TRIAL = (
    "sampler=random", "pruner=none", "training.evaluations=1", "training.save_state=never",
    "training.precision=mixed_bfloat16",
)  # fmt: skip
LONG_TRIAL = ("training.epochs=5",)
"""The device works for seconds, so that a trial is no mere pause between two."""
TINY_TRIAL = ("data=csv", "data.train=train.csv", "model.checkpoint=model", "model.max_length=32")


def full(cases: Sequence[Case], slots: Sequence[int], rounds: int, peer_python: str) -> Plan:
    """Plan for a GPU."""
    return Plan(
        cases=tuple(cases),
        rounds=rounds,
        side=8192,
        slots=tuple(slots),
        trials=24,
        trial=(*TRIAL, *LONG_TRIAL),
        peer_python=peer_python,
        tiny=False,
    )


def rehearsal(rounds: int, peer_python: str) -> Plan:
    """The same with small sizes, on a CPU too."""
    return Plan(
        cases=TINY_CASES,
        rounds=rounds,
        side=256,
        slots=(1, 2),
        trials=8,
        trial=(*TRIAL, *TINY_TRIAL),
        peer_python=peer_python,
        tiny=True,
    )


def middle(cases: Sequence[Case]) -> Case:
    """The case that is looked at closely."""
    return next((case for case in cases if case.tokens == MIDDLE), cases[0])


def of(case: Case) -> str:
    """A case in words."""
    return f"{case.name}, {case.tokens} tokens, batch {case.batch}"
