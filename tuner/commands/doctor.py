"""`tuner doctor`: checks of everything that a sweep needs, a line each, with a remedy."""

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tuner import __version__
from tuner.checkpoints.content import cache_root
from tuner.commands.command_words import read_options
from tuner.config import ComposedDoctor, compose_doctor
from tuner.devices.host import host_memory, usable_cores
from tuner.devices.slots import WORKER_MEMORY, find_nvidia, local_slots
from tuner.doctor.gpus import gpu_lines, precision_lines, tensorflow_line
from tuner.doctor.inputs import data_line, model_line
from tuner.doctor.line import Level, Line, exit_code, ok, wrong
from tuner.doctor.loaded import Probe
from tuner.doctor.machine import inspect_folder, installed_names, needed_packages
from tuner.doctor.packages import package_lines
from tuner.doctor.plugins import plug_in_lines
from tuner.doctor.resources import folder_line, memory_line
from tuner.doctor.stores import storage_line, tracking_line
from tuner.errors import InputError, TunerError
from tuner.files.disk import refusals_said
from tuner.installation.remedies import install_extra, install_ourselves, this_environment
from tuner.results.terminal import Terminal, print_line
from tuner.search.goals import Goals
from tuner.secrets import hidden
from tuner.settings.settings import AgentSettings
from tuner.study.strategies import build_pruner, build_sampler

STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.WRONG: "red"}


def run(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: Hydra overrides; without any, the default model, data and groups are checked.

    Returns:
        0 if nothing is wrong, else 1.

    Raises:
        InputError: An override is wrong.
    """
    options = read_options(arguments, command="doctor")
    composed = compose_doctor(options.overrides, Path.cwd())
    console = Terminal("").console
    lines = []
    for line in examine(composed):
        lines.append(line)
        if not (options.quiet and line.level is Level.OK):
            show(line, console)
    return exit_code(lines)


def examine(composed: ComposedDoctor) -> Iterator[Line]:
    """Yield the results of all checks; TensorFlow loads meanwhile, and its results come last."""
    with ExitStack() as stack:
        probe = Probe()
        stack.callback(probe.close)
        system = f"{platform.system()} {platform.machine()}"
        yield ok("tuner", f"{__version__} on Python {platform.python_version()}, {system}")
        yield from package_lines(
            *needed_packages(),
            this_environment(),
            install_ourselves=install_ourselves(),
            all_installed=installed_names(),
        )
        yield from plug_in_lines()
        yield memory_line(usable_cores(), host_memory(), WORKER_MEMORY)
        for name, check in _checks(composed):
            yield _checked_line(name, check)
        yield from _devices(composed, probe)


def _checks(composed: ComposedDoctor) -> Iterator[tuple[str, Callable[[], Line]]]:
    """Yield the name and the function of each check that may raise an error of ours."""
    agent = composed.agent
    yield "slots", partial(_slots, composed)
    yield "search", partial(_search, agent, composed.goals)
    models = {
        (trial.model.checkpoint, trial.model.revision): trial.model for trial in composed.trials
    }
    for model in models.values():
        yield "model", partial(model_line, model)
    read = {repr((trial.data, trial.task)): trial for trial in composed.trials}
    for trial in read.values():
        yield "data", partial(data_line, trial.data, trial.task)
    yield "output", partial(_folder, "output", Path(agent.output), "output=FOLDER")
    yield "cache", partial(_folder, "cache", cache_root(), "TUNER_CACHE=FOLDER")
    yield "storage", partial(storage_line, agent)
    yield "tracking", partial(tracking_line, agent.tracking)


def _checked_line(name: str, check: Callable[[], Line]) -> Line:
    """Return the result of a check; an error of ours becomes a line."""
    try:
        with refusals_said(name):
            return check()
    except InputError as error:
        where = f" ({error.where})" if error.where else ""
        return wrong(name, error.problem + where, error.remedy)
    except TunerError as error:
        return wrong(name, str(error), "")


def _folder(name: str, path: Path, key: str) -> Line:
    return folder_line(name, inspect_folder(path), key)


def _slots(composed: ComposedDoctor) -> Line:
    devices = max(trial.training.devices for trial in composed.trials)
    launcher = composed.agent.launcher
    slots = local_slots(launcher.slots, devices, launcher.trials_per_gpu)
    gpus = dict.fromkeys(slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots)
    on = "" if "-1" in gpus else f" on GPU {' and '.join(gpus)}"
    threads = slots[0].threads
    each = f"{threads} CPU thread{'s' * (threads > 1)} each"
    return ok("slots", f"{len(slots)} trial{'s' * (len(slots) > 1)} at a time{on}, {each}")


def _search(agent: AgentSettings, goals: Goals) -> Line:
    build_sampler(agent.sampler, opened=0)
    build_pruner(agent.pruner, goals)
    return ok("search", f"sampler {agent.sampler['name']}, pruner {agent.pruner['name']}")


def _devices(composed: ComposedDoctor, probe: Probe) -> Iterator[Line]:
    nvidia = find_nvidia(os.environ)
    found, install_gpu = probe.result(), install_extra("gpu")
    if isinstance(found, Line):
        yield found
        yield from gpu_lines(nvidia, None, install_gpu)
        return
    yield tensorflow_line(found)
    yield from gpu_lines(nvidia, found, install_gpu)
    wanted = {trial.training.precision for trial in composed.trials}
    yield from precision_lines(found, wanted, install_gpu)


def show(line: Line, console: Console) -> None:
    """Print a line and its remedy, with secrets of URLs masked."""
    text = Text.assemble(
        (f"{line.level.value:<9}", STYLES[line.level]), f"{line.name:<12}", hidden(line.text)
    )
    if line.remedy:
        text.append(f"\n{'':<21}try: {hidden(line.remedy)}", style="dim")
    print_line(console, text)
