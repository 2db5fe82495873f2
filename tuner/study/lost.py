"""Error for a study that is deleted, or whose file is removed or replaced, while it runs."""

from tuner.errors import TunerError


class StudyLostError(TunerError):
    """The study is no longer where it was opened."""

    def __init__(self, problem: str, where: str, remedy: str) -> None:
        """Build the message.

        Args:
            problem: Description of the loss.
            where: File of the study, or address of its storage.
            remedy: Action that continues it.
        """
        super().__init__(f"{problem}\n  where: {where}\n  try:   {remedy}")
