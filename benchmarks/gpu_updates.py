"""Measurements of single updates: speed, idle time, memory, the first ones, effects."""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from gpu_peers import faster, measured, missing, rounds_of, updates_of
from gpu_plan import MFU_GOAL, Plan, middle, of, update_flops_of
from gpu_trial import write_case
from turns import here, spread

OURS = (sys.executable, here("gpu_ours.py"))

FASTER_GOAL = 1.2
IDLE_GOAL = 0.02
MEMORY_GOAL = 0.15

FIRST_UPDATES = 50
"""Updates of a process, whose seconds are its start."""

HELD_OUT = 0.1
"""Rows evaluated in a whole trial, as a share of those trained on."""

FEW_WORDS = 1000
"""Size of a vocabulary whose embedding costs an update almost nothing."""


def speed(plan: Plan, folder: Path) -> None:
    """Examples a second, model FLOP utilisation, and the Trainer on the same device in turns."""
    rate = float(measured("gpu_matrix.py", "--side", str(plan.side)))
    print(f"Products of {plan.side}² matrices in bfloat16: {rate / 1e12:.1f} TFLOP/s")
    why_not = missing(plan.peer_python)
    if why_not:
        print(f"\nThe Trainer was left out: {why_not}")
    print(
        f"\n| model | tokens | batch | updates in a round | examples a second | TFLOP/s | MFU "
        f"(goal {MFU_GOAL:.2f} for BERT-base at 128) | ours ÷ Trainer (goal {FASTER_GOAL}) "
        "| ours ÷ compiled Trainer |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for number, case in enumerate(plan.cases):
        updates = updates_of(case, write_case(case, folder / str(number)))
        taken = rounds_of(peers_of(plan, updates, trainer=not why_not), plan.rounds)
        speeds = [case.rows / seconds for seconds in taken["ours"]]
        flops = update_flops_of(case) / case.batch * median(speeds)
        print(
            f"| {case.name} | {case.tokens} | {case.batch} | {case.updates} | {spread(speeds, 0)} "
            f"| {flops / 1e12:.1f} | {flops / rate:.2f} | {faster(taken, 'trainer')} "
            f"| {faster(taken, 'compiled')} |",
            flush=True,
        )


def peers_of(plan: Plan, updates: Sequence[str], *, trainer: bool) -> dict[str, list[str]]:
    """The command line of each peer."""
    peers = {"ours": [*OURS, *updates]}
    if trainer:
        command = [plan.peer_python, here("peer_trainer.py"), *updates, "--bf16"]
        peers |= {"trainer": command, "compiled": [*command, "--compile"]}
    return peers


def idle(plan: Plan, folder: Path) -> None:
    """Shares of updates and of whole trials in which the GPU waits; memory and its estimate."""
    print(
        f"| model | tokens | batch | idle in updates (goal under {IDLE_GOAL:.0%}) | idle in a "
        f"whole trial (goal under {IDLE_GOAL:.0%}) | peak memory, GB | estimate ÷ peak (goal "
        f"within {MEMORY_GOAL:.0%}) |"
    )
    print("|---|---|---|---|---|---|---|")
    reasons = set()
    for number, case in enumerate(plan.cases):
        updates = updates_of(case, write_case(case, folder / str(number)))
        rows = str(math.ceil(HELD_OUT * case.rows))
        found = json.loads(measured("gpu_ours.py", *updates, "--measure", rows))
        print(
            f"| {case.name} | {case.tokens} | {case.batch} | {share(found, 'idle')} "
            f"| {share(found, 'idle_whole')} | {found['peak'] / 1e9:.2f} "
            f"| {found['estimate'] / found['peak']:.2f} |",
            flush=True,
        )
        reasons |= {found["why_not"]} if "why_not" in found else set()
    for reason in sorted(reasons):
        print(f"\nIdle time is not known: {reason}")


def share(found: Mapping[str, Any], name: str) -> str:
    """A share in per cent; a dash where it could not be measured."""
    return f"{found[name]:.1%}" if name in found else "—"


def start(plan: Plan, folder: Path) -> None:
    """Seconds of a process's first updates, with and without TensorFlow's cache on disk."""
    case = middle(plan.cases)
    case = replace(case, updates=min(FIRST_UPDATES, case.updates))
    updates = updates_of(case, write_case(case, folder / "case"))
    cache = folder / "compiled"
    cache.mkdir()
    flag = {"TF_XLA_FLAGS": f"--tf_xla_persistent_cache_directory={cache}"}
    print(f"The first {case.updates} updates of a process, {of(case)}:\n")
    print("| compiled code | seconds |")
    print("|---|---|")
    for name, environment in (("kept nowhere", {}), ("kept", flag), ("found", flag)):
        seconds = float(measured("gpu_ours.py", *updates, asked="0\n", **environment))
        print(f"| {name} | {seconds:.1f} |", flush=True)


def effects(plan: Plan, folder: Path) -> None:
    """Gain of compiling the update, and upper bounds for the gain of other parts.

    A fused or sparse change of the embedding saves no more than a model with next to no embedding
    does. Prefetching fills time in which no kernel runs, and so saves no more than that.
    """
    case = middle(plan.cases)
    few = {**case.sizes, "vocab": min(FEW_WORDS, case.sizes["vocab"] // 2)}
    small = replace(case, sizes=few)
    own = [*OURS, *updates_of(case, write_case(case, folder / "full"))]
    wordless = [*OURS, *updates_of(small, write_case(small, folder / "small"))]
    taken = rounds_of(
        {"ours": own, "plain": [*own, "--plain"], "next to no embedding": wordless}, plan.rounds
    )
    print(f"{of(case)}:\n")
    print("| | faster by |")
    print("|---|---|")
    print(f"| the compiled update (XLA, one call, a look every 50 updates) against the plain one "
          f"(TensorFlow's own kernels, two calls, a look after each) "
          f"| {faster(taken, 'plain')} |")  # fmt: skip
    print(f"| any better change of the embedding, at most | "
          f"{faster(taken, 'ours', 'next to no embedding')} |")  # fmt: skip
    print("| prefetching, at most | 1 ÷ (1 - idle in updates), see idle |")


def grouping(plan: Plan, folder: Path) -> None:
    """Gain of grouping by length with texts of many lengths.

    Each length that texts are padded to is compiled first, which takes minutes for a large model.
    """
    case = middle(plan.cases)
    grouped = [*OURS, *updates_of(case, write_case(case, folder, mixed=True))]
    taken = rounds_of(
        {"grouped": grouped, "not grouped": [*grouped, "--window", "1"]}, plan.rounds
    )
    print(f"{of(case)} at most, most texts far shorter:\n")
    print("| | faster by |")
    print("|---|---|")
    print(f"| grouping by length | {faster(taken, 'not grouped', 'grouped')} |")
