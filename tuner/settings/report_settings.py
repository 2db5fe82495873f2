"""Settings of the command `report`."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """Section `report`: display of a study."""

    follow: bool = False
    """Show a running sweep again whenever something changes, until it ends."""

    interval: float = 5.0
    """Seconds between two reads of a study that is followed."""

    output: str | None = None
    """File of the HTML page; null: report.html in the study's folder."""
