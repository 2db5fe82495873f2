"""All that only a GPU can show, in one command: checks, speed, idle time, start, packing.

    python benchmarks/gpu.py [--peer-python PYTHON] [--only speed packing] [--tiny]

Prints tables in Markdown. Random weights in the models' shapes serve for speed; the packed trials
and the checks' scores need the embedded model and reviews (`tuner[demo]`). The Trainer runs in
turns with ours on the same device, where torch, transformers and accelerate can be imported
(`--peer-python` names another environment); else its columns say why not. `--tiny` runs the same
with small sizes, on a CPU too: a rehearsal, whose figures say nothing.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from gpu_counts import pauses, trials_per_hour, update_flops
from gpu_trial import LABELS, Case, write_case
from turns import Peer, here, in_turns, spread

from tests.checkpoints import write_checkpoint, write_reviews
from tuner.checkpoints import inspect
from tuner.core.trial import TrialOutcome, TrialState
from tuner.launchers.devices import usable_cores, visible_gpus
from tuner.records import from_json

ROOT = Path(__file__).resolve().parents[1]

BASE = {"hidden": 768, "inner": 3072, "layers": 12, "heads": 12, "vocab": 30522}
MINI = {"hidden": 384, "inner": 1536, "layers": 6, "heads": 12, "vocab": 30522}
SMALL = {"hidden": 32, "inner": 64, "layers": 2, "heads": 2, "vocab": 200}

MIDDLE = 128
"""Tokens of the texts on which the effects are measured."""

FEW_WORDS = 1000
"""Of a vocabulary whose embedding costs an update next to nothing."""

MFU_GOAL = 0.40
FASTER_GOAL = 1.2
IDLE_GOAL = 0.02
PAUSE_GOAL = 1.0
PACKED_GOAL = 2.0
MEMORY_GOAL = 0.15

WARM = 4
"""Trials of each slot in a packed sweep; the first of them compiles."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is run.

    Attributes:
        cases: Model shapes and batches.
        rounds: Of each peer.
        side: Of the matrices whose product is timed.
        slots: Trials at a time.
        trial: Overrides of the packed trials.
        peer_python: That has the Trainer.
        tiny: It is a rehearsal.
    """

    cases: tuple[Case, ...]
    rounds: int
    side: int
    slots: tuple[int, ...]
    trial: tuple[str, ...]
    peer_python: str
    tiny: bool


FULL_CASES = tuple(
    Case(name=name, sizes=sizes, tokens=tokens, batch=batch, updates=50)
    for name, sizes in (("BERT-base", BASE), ("MiniLM", MINI))
    for tokens, batch in ((64, 128), (128, 64), (512, 16))
)
TINY_CASES = (Case(name="tiny", sizes=SMALL, tokens=16, batch=4, updates=12),)

ONE_TRIAL = (
    "sampler=random", "pruner=none", "training.evaluations=1", "training.save_state=never",
    "training.precision=mixed_bfloat16",
)  # fmt: skip
TINY_TRIAL = ("data=csv", "data.train=train.csv", "model.checkpoint=model", "model.max_length=32")


def main() -> None:
    """Runs the sections asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="sections to run"
    )
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tiny", action="store_true", help="small sizes; runs on a CPU too")
    given = parser.parse_args()
    gpus = visible_gpus(os.environ)
    if not gpus and not given.tiny:
        parser.error("there is no GPU here; --tiny rehearses on the CPU")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    plan = Plan(
        cases=TINY_CASES if given.tiny else FULL_CASES,
        rounds=given.rounds,
        side=256 if given.tiny else 8192,
        slots=(1, 2) if given.tiny else (1, 2, 4, 8),
        trial=(*ONE_TRIAL, *TINY_TRIAL) if given.tiny else ONE_TRIAL,
        peer_python=given.peer_python,
        tiny=given.tiny,
    )
    if given.tiny:
        print("A rehearsal: these figures say nothing about any device.\n")
    print(device_line(gpus))
    for name in given.only:
        print(f"\n## {name}\n", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            SECTIONS[name](plan, Path(folder))


def device_line(gpus: Sequence[str]) -> str:
    """What this is measured on."""
    if not gpus:
        return "No GPU."
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    return subprocess.check_output([*query, "-i", ",".join(gpus)], text=True).strip()


# -- checks ---------------------------------------------------------------------------------------


def checks(plan: Plan, folder: Path) -> None:
    """Runs the tests that need a GPU, and the default sweep, and prints how each ended."""
    result = folder / "result.xml"
    default = [] if plan.tiny else ["tests/commands/test_default_sweep.py"]
    command = [sys.executable, "-m", "pytest", "tests/gpu", *default, "-n", "0", "-q", "-m", ""]
    subprocess.run([*command, f"--junitxml={result}"], cwd=ROOT, stdout=sys.stderr, check=False)
    print("| check | result |")
    print("|---|---|")
    for case in ET.parse(result).iter("testcase"):  # noqa: S314 - pytest has written it
        ended = next((part for part in case if part.tag in ("skipped", "failure", "error")), None)
        shown = "passed" if ended is None else f"{ended.tag}: {first_line(ended)}"
        print(f"| {case.get('name', '').removeprefix('test_').replace('_', ' ')} | {shown} |")


def first_line(element: ET.Element) -> str:
    """Why a test did not pass."""
    return (element.get("message") or "").partition("\n")[0].replace("|", "/")


# -- speed ----------------------------------------------------------------------------------------


def speed(plan: Plan, folder: Path) -> None:
    """Examples a second, model FLOP utilisation, and the Trainer on the same device in turns."""
    rate = float(ours([Path("none"), Path("none")], "--matrix", str(plan.side)))
    print(f"Products of {plan.side}² matrices in bfloat16: {rate / 1e12:.1f} TFLOP/s")
    why_not = missing(plan.peer_python)
    if why_not:
        print(f"\nThe Trainer was left out: {why_not}")
    print(
        f"\n| model | tokens | batch | examples a second | TFLOP/s | MFU (goal {MFU_GOAL:.2f} for "
        f"BERT-base at 128) | ours ÷ Trainer (goal {FASTER_GOAL}) | ours ÷ compiled Trainer |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for number, case in enumerate(plan.cases):
        inputs, model = write_case(case, folder / str(number))
        taken = run_peers(plan, peers_of(plan, case, inputs, model, trainer=not why_not))
        speeds = [case.rows / seconds for seconds in taken["ours"]]
        flops = update_flops(inspect(model).shape, 1, case.tokens, LABELS) * median(speeds)
        print(
            f"| {case.name} | {case.tokens} | {case.batch} | {spread(speeds, 0)} "
            f"| {flops / 1e12:.1f} | {flops / rate:.2f} | {faster(taken, 'trainer')} "
            f"| {faster(taken, 'compiled')} |",
            flush=True,
        )


def peers_of(
    plan: Plan, case: Case, inputs: Path, model: Path, *, trainer: bool
) -> dict[str, list[str]]:
    """The command line of each peer."""
    sizes = [str(inputs), str(model), "--batch", str(case.batch)]
    peers = {"ours": [sys.executable, here("gpu_ours.py"), *sizes]}
    if trainer:
        command = [plan.peer_python, here("peer_trainer.py"), *sizes, "--bf16"]
        peers |= {"trainer": command, "compiled": [*command, "--compile"]}
    return peers


def run_peers(plan: Plan, commands: Mapping[str, Sequence[str]]) -> dict[str, list[float]]:
    """Seconds of every round of every peer, in turns on one device."""
    peers = [Peer(name, line, usable_cores(), gpu=True) for name, line in commands.items()]
    try:
        return in_turns(peers, plan.rounds)
    finally:
        for peer in peers:
            peer.close()


def faster(taken: Mapping[str, Sequence[float]], other: str, ours_is: str = "ours") -> str:
    """How many times as fast ours is as another peer; a dash where that was left out."""
    if other not in taken:
        return "—"
    pairs = zip(taken[other], taken[ours_is], strict=True)
    return spread([theirs / own for theirs, own in pairs])


def missing(python: str) -> str:
    """Why the Trainer can not be run; empty where it can."""
    tried = subprocess.run(
        [python, "-c", "import torch, transformers, accelerate"],
        capture_output=True,
        text=True,
        check=False,
    )
    return tried.stderr.strip().rpartition("\n")[2] if tried.returncode else ""


def ours(files: Sequence[Path], *arguments: str, asked: str = "", **environment: str) -> str:
    """What a measurement in a process of its own prints last.

    Args:
        files: Of the case.
        *arguments: Of `gpu_ours.py`.
        asked: What it reads.
        **environment: Variables beside ours.
    """
    command = [sys.executable, here("gpu_ours.py"), *map(str, files)]
    threads = ["--threads", str(usable_cores())]
    told = subprocess.run(
        [*command, *threads, *arguments],
        input=asked,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return told.stdout.splitlines()[-1]


# -- idle -----------------------------------------------------------------------------------------


def idle(plan: Plan, folder: Path) -> None:
    """Share of a trial's time in which the GPU waits, and its memory beside the estimate."""
    print(
        f"| model | tokens | batch | idle in updates (goal under {IDLE_GOAL:.0%}) | peak memory, "
        f"GB | estimate ÷ peak (goal within {MEMORY_GOAL:.0%}) |"
    )
    print("|---|---|---|---|---|---|")
    for number, case in enumerate(plan.cases):
        files = write_case(case, folder / str(number))
        found = json.loads(ours(files, "--batch", str(case.batch), "--measure"))
        print(
            f"| {case.name} | {case.tokens} | {case.batch} | {found['idle']:.1%} "
            f"| {found['peak'] / 1e9:.2f} | {found['estimate'] / found['peak']:.2f} |",
            flush=True,
        )


# -- start ---------------------------------------------------------------------------------------


def start(plan: Plan, folder: Path) -> None:
    """Seconds of a process's first updates, with and without TensorFlow's cache on disk."""
    case = middle(plan.cases)
    files = write_case(case, folder / "case")
    cache = folder / "compiled"
    cache.mkdir()
    flag = {"TF_XLA_FLAGS": f"--tf_xla_persistent_cache_directory={cache}"}
    print(f"The first {case.updates} updates of a process, {of(case)}:\n")
    print("| compiled code | seconds |")
    print("|---|---|")
    for name, environment in (("kept nowhere", {}), ("kept", flag), ("found", flag)):
        seconds = float(ours(files, "--batch", str(case.batch), asked="0\n", **environment))
        print(f"| {name} | {seconds:.1f} |", flush=True)


def middle(cases: Sequence[Case]) -> Case:
    """The case that is looked at closely."""
    return next((case for case in cases if case.tokens == MIDDLE), cases[0])


def of(case: Case) -> str:
    """A case in words."""
    return f"{case.name}, {case.tokens} tokens, batch {case.batch}"


# -- effects --------------------------------------------------------------------------------------


def effects(plan: Plan, folder: Path) -> None:
    """What the update gains by each of its parts, in turns.

    What a fused or sparse change of the embedding could save is no more than what a model with
    next to no embedding saves; what prefetching could save is no more than the idle share.
    """
    case = middle(plan.cases)
    few = {**case.sizes, "vocab": min(FEW_WORDS, case.sizes["vocab"] // 2)}
    small = Case(
        name=case.name, sizes=few, tokens=case.tokens, batch=case.batch, updates=case.updates
    )
    real = [sys.executable, here("gpu_ours.py")]
    batch = ["--batch", str(case.batch)]
    full = [*real, *map(str, write_case(case, folder / "full")), *batch]
    mixed = [*real, *map(str, write_case(case, folder / "mixed", mixed=True)), *batch]
    wordless = [*real, *map(str, write_case(small, folder / "small")), *batch]
    taken = run_peers(
        plan,
        {
            "ours": full,
            "without XLA": [*full, "--plain"],
            "next to no embedding": wordless,
            "grouped": mixed,
            "not grouped": [*mixed, "--window", "1"],
        },
    )
    print(f"{of(case)}:\n")
    print("| | faster by |")
    print("|---|---|")
    print(f"| XLA | {faster(taken, 'without XLA')} |")
    print(f"| grouping by length (texts of many lengths) | "
          f"{faster(taken, 'not grouped', 'grouped')} |")  # fmt: skip
    print(f"| any better change of the embedding, at most | "
          f"{faster(taken, 'ours', 'next to no embedding')} |")  # fmt: skip
    print("| prefetching, at most | 1 ÷ (1 - idle share), in the table of idle |")


# -- packing --------------------------------------------------------------------------------------


def packing(plan: Plan, folder: Path) -> None:
    """Small trials an hour by trials at a time, and the pause between two in one slot."""
    rates: dict[int, float] = {}
    print("| trials at a time | trials an hour | times one at a time | pause between two, s |")
    print("|---|---|---|---|")
    for slots in plan.slots:
        trials = swept(plan, folder / str(slots), slots)
        rates[slots] = trials_per_hour([end for _, end in trials], slots)
        # In a sweep of one slot the order of the ends is that of the trials.
        waited = spread(pauses(*zip(*trials, strict=True))[1:]) if slots == 1 else ""
        ratio = rates[slots] / rates[plan.slots[0]]
        print(f"| {slots} | {rates[slots]:.0f} | {ratio:.2f} | {waited} |", flush=True)
    print(f"\nGoals: {PACKED_GOAL} times one at a time; pauses under {PAUSE_GOAL:.0f} s.")


def swept(plan: Plan, folder: Path, slots: int) -> list[tuple[float, float]]:
    """Runs a sweep of equal trials; when each began its first update and was evaluated."""
    (folder / "sweeps").mkdir(parents=True)
    space = "name: packing\nspace:\n  optimizer.learning_rate: tag(log, interval(1e-6, 1e-4))\n"
    (folder / "sweeps" / "packing.yaml").write_text(space)
    if plan.tiny:
        write_checkpoint(folder / "model")
        write_reviews(folder / "train.csv", 160, seed=1)
    command = [
        sys.executable, "-m", "tuner", "sweep=packing", f"launcher.slots={slots}",
        f"sweep.n_trials={WARM * slots}", *plan.trial,
    ]  # fmt: skip
    first = ",".join(visible_gpus(os.environ)[:1])
    environment = os.environ | {
        "TUNER_CACHE": str(folder.parent / "cache"),
        "CUDA_VISIBLE_DEVICES": first,  # Trials share it, whatever else there is.
    }
    subprocess.run(command, cwd=folder, env=environment, stdout=sys.stderr, check=True)
    found = []
    for outcome in sorted(folder.glob("outputs/packing/trials/*/outcome.json")):
        told = from_json(TrialOutcome, outcome.read_text())
        if told.state is not TrialState.COMPLETE or told.last is None:
            raise RuntimeError(f"trial {told.number} is {told.state}: {told.error}")
        # Its only report is appended when its evaluation, after the last update, has ended.
        end = outcome.with_name("reports.jsonl").stat().st_mtime
        busy = told.last.seconds_training + told.last.seconds_evaluating
        found.append((end - busy, end))
    return found


SECTIONS: Mapping[str, Callable[[Plan, Path], None]] = {
    "checks": checks,
    "speed": speed,
    "idle": idle,
    "start": start,
    "effects": effects,
    "packing": packing,
}


if __name__ == "__main__":
    main()
