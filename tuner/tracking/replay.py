"""Sending of what agents left unsent in a study's folder."""

import time
from collections.abc import Iterable, Iterator, Sequence

from tuner.errors import InputError
from tuner.settings.settings import TrackingSettings
from tuner.tracking.address import check_file, check_reachable, check_uri, named_uri, tracking_uri
from tuner.tracking.causes import cause_of
from tuner.tracking.sender import Pauses, Sender
from tuner.tracking.spool import SPOOL, Spool, spools
from tuner.tracking.spool_completion import complete_spool
from tuner.tracking.store import Store
from tuner.trial.folder import StudyFolder
from tuner.trial.study_identity import StudyIdentity


def replay(study: StudyIdentity, folder: StudyFolder, settings: TrackingSettings) -> Iterator[str]:
    """Send the spools of agents that have ended or are gone, each once; others are left.

    Args:
        study: Identity of the study; its name is that of the experiment.
        folder: Folder of the study.
        settings: Group `tracking`; without an address each spool goes to the address of its agent;
            if `send` is false, nothing is sent.

    Yields:
        Lines to show; none if no spool waits.

    Raises:
        InputError: The address is invalid.
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
            complete_spool(spool, folder, (), time.time_ns() // 1_000_000)
        yield _send(group, uri or tracking_uri(None), study)
    if others:
        hosts = ", ".join(sorted({spool.host for spool in others}))
        yield (
            f"{len(others)} spools in {place} are left to their agents, which are running on "
            f"{hosts}"
        )


def _by_store(spools: Iterable[Spool], named: str) -> dict[str, list[Spool]]:
    """Return the spools by the address that they are sent to: the named one, or each its own."""
    groups: dict[str, list[Spool]] = {}
    for spool in spools:
        groups.setdefault(named or spool.store, []).append(spool)
    return groups


def _send(ours: Sequence[Spool], uri: str, study: StudyIdentity) -> str:
    """Send spools to one store; return a line about the result."""
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
            f"MLflow is unavailable ({store.shown}): {cause.problem}\n"
            f"  try:   {cause.remedy}\nThe unsent records are in {waiting}"
        )
    report = Sender(store, ours, pauses=Pauses(), notice=lambda text: None).close()  # noqa: ARG005
    return report or f"MLflow now has the runs of {len(ours)} more agents ({store.shown})"
