"""Settings of the command `report`."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """Section `report`: how a study is shown."""

    follow: bool = False
    """Shows a running sweep again whenever something changes, until it ends."""

    interval: float = 5.0
    """Seconds between two looks at the study while it is followed."""

    output: str | None = None
    """The HTML page; null: report.html in the study's folder."""
