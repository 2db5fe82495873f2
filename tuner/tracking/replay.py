"""Sends to MLflow what agents left in a study's folder that did not reach it themselves."""

import time
from collections.abc import Iterable, Iterator, Sequence

from tuner.errors import InputError
from tuner.settings.settings import TrackingSettings
from tuner.tracking.address import check_file, check_reachable, check_uri, named_uri, tracking_uri
from tuner.tracking.causes import cause_of
from tuner.tracking.sender import Pauses, Sender
from tuner.tracking.settle import settle
from tuner.tracking.spool import SPOOL, Spool, spools
from tuner.tracking.store import Store
from tuner.trial.folder import StudyFolder
from tuner.trial.study_identity import StudyIdentity


def replay(study: StudyIdentity, folder: StudyFolder, settings: TrackingSettings) -> Iterator[str]:
    """Sends the spools of agents that ended or are gone, each once; those of others stay theirs.

    Args:
        study: Identity of the study; its name is that of the experiment.
        folder: The study's files.
        settings: Group `tracking`; without an address each spool goes where its agent would have
            sent it, with `send` false none goes anywhere.

    Yields:
        What to tell; nothing where no spool waits.

    Raises:
        InputError: The address is none.
    """
    if not settings.send:
        return
    named = named_uri(settings.uri)
    if named:
        check_uri(named)
    place = folder.path / SPOOL
    found = spools(place)
    ours = [spool for spool in found if spool.take()]
    others = [spool for spool in found if spool not in ours and spool.is_unsent]
    for uri, group in _by_store(ours, named).items():
        for spool in group:
            settle(spool, folder, (), time.time_ns() // 1_000_000)
        yield _send(group, uri or tracking_uri(None), study)
    if others:
        hosts = ", ".join(sorted({spool.host for spool in others}))
        yield (
            f"{len(others)} spools in {place} are left to their agents, which still run on {hosts}"
        )


def _by_store(spools: Iterable[Spool], named: str) -> dict[str, list[Spool]]:
    """Spools by the address that they are sent to: the named one, or each its own."""
    groups: dict[str, list[Spool]] = {}
    for spool in spools:
        groups.setdefault(named or spool.store, []).append(spool)
    return groups


def _send(ours: Sequence[Spool], uri: str, study: StudyIdentity) -> str:
    """Sends spools to one store; says how that went."""
    store = Store(uri, study)
    try:
        check_file(uri)
        check_reachable(uri)
        store.connect()
    except InputError:
        raise
    except Exception as error:
        for spool in ours:
            spool.release()
        waiting = ours[0].path.parent
        cause = cause_of(error, store.shown)
        return (
            f"MLflow is away ({store.shown}): {cause.problem}\n"
            f"  try:   {cause.remedy}\nwhat it lacks is in {waiting}"
        )
    told = Sender(store, ours, pauses=Pauses(), notice=lambda text: None).close()  # noqa: ARG005
    return told or f"MLflow has the runs of {len(ours)} more agents now ({store.shown})"
