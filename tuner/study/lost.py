"""A study that vanishes while it is run: its file removed or replaced, or it was deleted."""

from tuner.errors import TunerError


class StudyLostError(TunerError):
    """The study is no longer where it was opened."""

    def __init__(self, problem: str, where: str, remedy: str) -> None:
        """Build the message.

        Args:
            problem: What happened to the study.
            where: Its file, or the address of its storage.
            remedy: What continues it.
        """
        super().__init__(f"{problem}\n  where: {where}\n  try:   {remedy}")
