"""The study of `tests.studies`, wherever it is kept."""

import pytest

from tests.studies import make_study
from tuner.study import sqlite_url
from tuner.study.journal import journal_url


@pytest.fixture
def kind(request):
    """Storage of the study."""
    return getattr(request, "param", "sqlite")


@pytest.fixture
def open_study(tmp_path, kind):
    """Opens it, each time as another agent of this process; see `make_study`."""
    opened = []
    journal = journal_url(tmp_path / "study.journal")

    def open_(**changes):
        url = sqlite_url(tmp_path / "study.db") if kind == "sqlite" else journal
        study = make_study(url, **changes)
        opened.append(study)
        return study

    yield open_
    for study in opened:
        study.close()
