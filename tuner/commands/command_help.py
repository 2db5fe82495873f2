"""Texts of `tuner COMMAND --help` for each command, except its keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from tuner.config.schema import AGENT_GROUPS, GROUPS, SWEEP, TRIAL_GROUPS


@dataclass(frozen=True, kw_only=True)
class CommandHelp:
    """Help text of a command."""

    usage: str
    """Words after `tuner`."""
    examples: tuple[str, ...]
    """Shell commands that work."""
    sections: tuple[str, ...] = ()
    """Groups and sections whose keys the command reads, in order."""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Section to the keys that the command reads; a missing section has all of its keys."""


_STUDY = ("study", "output")

HELP: Mapping[str, CommandHelp] = MappingProxyType(
    {
        "sweep": CommandHelp(
            usage="[sweep] sweep=NAME [KEY=VALUE ...]",
            examples=(
                "tuner sweep=lr_search",
                "tuner sweep=lr_search model=distilbert training.batch_size=8,16",
                "tuner sweep=full_search data=csv data.train=train.csv data.label=stars",
                "tuner sweep=lr_search sweep.dry_run=true",
            ),
            sections=(SWEEP, *_STUDY, *GROUPS),
        ),
        "train": CommandHelp(
            usage="[FILE.yaml] [KEY=VALUE ...]",
            examples=(
                "tuner train model=minilm data=rotten_tomatoes",
                "tuner train model.checkpoint=path/to/folder data.train=train.csv",
                "tuner train outputs/lr_search/best.yaml training.epochs=5",
                "tuner train model=minilm data=imdb --cfg job > mine.yaml",
            ),
            sections=(*TRIAL_GROUPS, SWEEP, *_STUDY, "launcher", "tracking"),
            keys={
                SWEEP: ("sweep.objectives", "sweep.constraints"),
                "launcher": (
                    "launcher.max_attempts", "launcher.stall_timeout", "launcher.stop_timeout",
                ),
            },
        ),
        "export": CommandHelp(
            usage="sweep=NAME [KEY=VALUE ...]",
            examples=(
                "tuner export sweep=lr_search export.output=best.yaml",
                "tuner export sweep=lr_search export.model=my_model",
                "tuner export sweep=lr_search export.format=cli export.top=3",
            ),
            sections=("export", *_STUDY, "storage"),
        ),
        "doctor": CommandHelp(
            usage="[sweep=NAME] [KEY=VALUE ...]",
            examples=("tuner doctor", "tuner doctor sweep=lr_search data=imdb"),
            sections=(*_STUDY, *TRIAL_GROUPS, *AGENT_GROUPS, SWEEP),
        ),
        "predict": CommandHelp(
            usage="FOLDER FILE [KEY=VALUE ...]",
            examples=(
                "tuner predict outputs/lr_search/best_model reviews.csv",
                "tuner predict my_model reviews.csv predict.output=labels.csv",
            ),
            sections=("predict",),
        ),
        "verify": CommandHelp(
            usage="FILE.yaml [verify.updates=N]",
            examples=(
                "tuner verify outputs/lr_search/best.yaml",
                "tuner verify outputs/lr_search/best.yaml verify.updates=100",
            ),
            sections=("verify",),
        ),
        "prepare": CommandHelp(
            usage="[sweep=NAME] [KEY=VALUE ...]",
            examples=("tuner prepare sweep=lr_search", "tuner prepare model=bert_base data=imdb"),
            sections=(*TRIAL_GROUPS, SWEEP),
        ),
        "clean": CommandHelp(
            usage="[study=NAME] [KEY=VALUE ...]",
            examples=("tuner clean", "tuner clean clean.remove=true"),
            sections=("clean", *_STUDY, "storage", "tracking"),
        ),
        "completion": CommandHelp(
            usage="bash|zsh",
            examples=(
                'eval "$(tuner completion bash)"',
                "tuner completion zsh >> ~/.zshrc",
            ),
        ),
        "report": CommandHelp(
            usage="sweep=NAME [KEY=VALUE ...]",
            examples=(
                "tuner report sweep=lr_search",
                "tuner report sweep=lr_search report.follow=true",
            ),
            sections=("report", *_STUDY, "storage", "tracking"),
        ),
    }
)  # fmt: skip
"""Command to its help text."""
