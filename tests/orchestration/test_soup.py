"""Lines about the progress of building a soup."""

from tuner.orchestration.soup import PROGRESS_SECONDS, progress_notices
from tuner.soup import SoupProgress


def test_progress_is_shown_now_and_then():
    seconds = iter([0.0, 1.0, PROGRESS_SECONDS, PROGRESS_SECONDS, PROGRESS_SECONDS + 1.0])
    lines = []
    show = progress_notices(lines.append, lambda: next(seconds))
    for done in (1, 2, 3):
        show(SoupProgress(done=done, total=9))
    assert len(lines) == 1
    assert "2 of up to 9" in lines[0]
