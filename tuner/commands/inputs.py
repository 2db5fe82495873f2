"""What the agent looks at before the first trial: models and data that the trials will meet."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from tuner.core.settings import TrialSettings
from tuner.data import prepare


@dataclass(frozen=True, kw_only=True)
class InputReport:
    """The reports of all data that trials may meet.

    Attributes:
        lines: For people, warnings last.
        artifacts: File name to text, for the sweep's run in MLflow.
    """

    lines: tuple[str, ...]
    artifacts: dict[str, str]


def check_inputs(variants: Iterable[TrialSettings]) -> InputReport:
    """Locates, reads, checks and tokenises every model and data set among the variants.

    What is tokenised here the workers find in the cache.

    Raises:
        InputError: Model or data can not be used.
    """
    lines: list[str] = []
    reports = []
    seen = set()
    for settings in variants:
        key = repr((settings.data, settings.model.checkpoint, settings.model.max_length))
        if key in seen:
            continue
        seen.add(key)
        prepared = prepare(settings.data, settings.model)
        lines += prepared.report.lines()
        reports.append(
            {
                "checkpoint": settings.model.checkpoint,
                "checkpoint_fingerprint": prepared.checkpoint.fingerprint,
                "data_fingerprint": prepared.fingerprint,
                **asdict(prepared.report),
                "warnings": prepared.report.warnings(),
            }
        )
    artifacts = {
        "data_report.txt": "\n".join(lines) + "\n",
        "data_report.json": json.dumps(reports, indent=1) + "\n",
    }
    return InputReport(lines=tuple(lines), artifacts=artifacts)
