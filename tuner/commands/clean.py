"""`tuner clean`: lists what nobody needs any more, with sizes, and removes it only on request."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from tuner.cleaning import Leftover, remove_leftovers, size_text
from tuner.cleaning.caches import cache_leftovers, lock_leftovers
from tuner.cleaning.mlflow_models import ModelStore
from tuner.cleaning.studies import is_running, study_leftovers
from tuner.commands.command_words import read_options
from tuner.config import ComposedReader, compose_clean
from tuner.errors import TunerError
from tuner.files.exclusive import exclusive
from tuner.processes.invocation import invoked
from tuner.results.console import PlainConsole
from tuner.results.pasted import print_command
from tuner.settings.clean_settings import CleanSettings
from tuner.study import lock_name
from tuner.study.reader import StudyReader, study_names
from tuner.tracking.messages import one_line
from tuner.trial.duration import duration_text
from tuner.trial.folder import StudyFolder

DAY = 24 * 3600.0

SHOWN_FAILURES = 5
"""Maximal number of named files that could not be removed."""

_STUDY_KINDS = ("states", "models", "members")

Notice = Callable[[str], None]


def run(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: Hydra overrides: study or sweep, output, storage, tracking, clean.

    Returns:
        0 if done.

    Raises:
        InputError: An argument is wrong, or there is no such study.
        TunerError: Something could not be removed.
    """
    composed = compose_clean(read_options(arguments, command="clean").overrides, Path.cwd())
    console = PlainConsole()
    store = ModelStore(composed.tracking.uri)

    def notice(text: str) -> None:
        console.print(Text(text, style="yellow"), soft_wrap=True)

    settings = composed.settings
    found = [
        each for each in _all_leftovers(composed, store, notice) if each.kind in settings.kinds
    ]
    until = time.time() - settings.older_than * DAY
    leftovers = [each for each in found if each.used <= until]
    if not leftovers:
        console.print("Nothing is left that could be removed.")
        if found:
            kept = size_text(sum(each.size for each in found))
            age = duration_text(settings.older_than * DAY)
            console.print(f"\n{kept} was used in the last {age}; to list it:")
            print_command(console, invoked(["clean", *arguments]).command_with(_RECENT))
        return 0
    console.print(_table(leftovers))
    total = size_text(sum(each.size for each in leftovers))
    if not settings.remove:
        console.print(f"\n{total} can be removed:")
        print_command(console, invoked(["clean", *arguments]).command_with(_REMOVE))
        return 0
    removed, failures = remove_leftovers(leftovers, store.remove)
    console.print(f"\nRemoved {size_text(sum(each.size for each in removed))} of {total}.")
    if failures:
        named = [f"{each.leftover.path}: {each.reason}" for each in failures[:SHOWN_FAILURES]]
        raise TunerError(
            f"{len(failures)} of {len(leftovers)} places are still there\n"
            f"  where: {'; '.join(named)}\n"
            "  try:   repeat the command as a user with write access, when no sweep runs"
        )
    return 0


_REMOVE = {"clean.remove": "clean.remove=true"}
_RECENT = {"clean.older_than": "clean.older_than=0", "clean.remove": "clean.remove=false"}


def _all_leftovers(
    composed: ComposedReader[CleanSettings], store: ModelStore, notice: Notice
) -> Iterator[Leftover]:
    kinds, only = composed.settings.kinds, composed.study
    output = Path(composed.output)
    if any(kind in kinds for kind in _STUDY_KINDS):
        names = [only] if only is not None else study_names(composed.storage, output)
        for name in names:
            yield from _leftovers_of_study(composed, name, store, notice)
    if "cache" in kinds and only is None:
        yield from cache_leftovers()
    if "locks" in kinds and only is None:
        yield from lock_leftovers()


def _leftovers_of_study(
    composed: ComposedReader[CleanSettings], name: str, store: ModelStore, notice: Notice
) -> Iterator[Leftover]:
    """Yield a study's leftovers; none while it runs, or if it cannot be read."""
    folder = StudyFolder(Path(composed.output), name)
    try:
        with exclusive(lock_name(composed.storage, folder)):  # No agent starts meanwhile.
            reader = StudyReader(name, composed.storage, Path(composed.output))
            try:
                study, identity = reader.read(), reader.identity
            finally:
                reader.close()
            if is_running(study, folder):
                notice(f"{name}: not touched, since it runs or a trial of it waits to be resumed")
                return
            found = list(study_leftovers(folder, study.soup))
    except TunerError as error:
        if composed.study is not None:
            raise
        notice(f"{name}: not touched: {str(error).splitlines()[0]}")
        return
    yield from found
    if "models" in composed.settings.kinds:
        try:
            yield from store.superseded(folder, identity)
        except Exception as error:
            notice(f"{name}: its models in MLflow are not touched: {one_line(error)}")


def _table(leftovers: Sequence[Leftover]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("kind", no_wrap=True)
    table.add_column("what", overflow="fold")
    for heading in ("number", "size"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("where", overflow="fold")
    groups: dict[tuple[str, str, Path], list[Leftover]] = {}
    for leftover in leftovers:
        place = leftover.path.parent if leftover.kind == "cache" else leftover.root
        place = leftover.path.parent if leftover.model_id is not None else place
        groups.setdefault((leftover.kind, leftover.description, place), []).append(leftover)
    for (kind, what, place), found in groups.items():
        size = size_text(sum(each.size for each in found))
        table.add_row(kind, what, str(len(found)), size, Text(str(place)))
    return table
