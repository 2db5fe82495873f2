"""From `model.checkpoint` to a folder on this machine."""

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from tuner.checkpoints.conversion import find_conversion, is_refusal, known_conversion
from tuner.checkpoints.packaged import find_packaged
from tuner.errors import InputError
from tuner.files.home import expanded
from tuner.formatting.suggestion import nearest
from tuner.installation.remedies import install_module
from tuner.processes.invocation import script
from tuner.settings.overrides import override
from tuner.settings.settings import MISSING, ModelSettings

SAFETENSORS = "*.safetensors"
WANTED_FILES = [SAFETENSORS, "*.json", "*.txt", "*.model"]
"""Files fetched from the hub first: weights without pickles, configuration, tokenizer."""

PICKLES = "pytorch_model*.bin"
"""Files fetched if the hub has no safetensors for that revision."""

HUB_SECONDS = 10.0

_EXAMPLES = (
    "model=minilm, model.checkpoint=FOLDER or model.checkpoint=google-bert/bert-base-uncased"
)
"""Ways to name a checkpoint, as a remedy."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")


def locate(model: ModelSettings) -> Path:
    """The checkpoint's folder: out of a package, else a local folder, else from the hub.

    The hub is asked by huggingface_hub, which honours HF_HOME and HF_HUB_OFFLINE and uses what it
    fetched before when there is no network.

    Returns:
        An absolute path.

    Raises:
        InputError: It is in none of these places.
    """
    return _on_this_machine(model) or _from_hub(model)


def fetched(model: ModelSettings) -> Path | None:
    """As `locate`, but the hub is not asked: None where it would have to be.

    Raises:
        InputError: It is nowhere, and is no hub id.
    """
    return _on_this_machine(model) or _from_cache(model)


def ask_hub(model: ModelSettings) -> None:
    """Check within seconds that the hub has it; nothing is fetched.

    Raises:
        InputError: The hub has none, gives none or cannot be reached.
    """
    from huggingface_hub import HfApi  # noqa: PLC0415

    with _refusals_said(model):
        HfApi().model_info(model.checkpoint, revision=model.revision, timeout=HUB_SECONDS)


def _on_this_machine(model: ModelSettings) -> Path | None:
    """Out of a package, or a local folder."""
    if model.package is not None and _stands_for(model):
        packaged = find_packaged(model.package, "model.safetensors")
        if packaged is not None:
            return packaged
    if not model.checkpoint or model.checkpoint == MISSING:
        raise InputError(
            "no checkpoint is given",
            where="model.checkpoint",
            remedy=_EXAMPLES,
        )
    folder = expanded(model.checkpoint)
    if folder.is_dir():
        return folder.absolute()
    if not _HUB_ID.fullmatch(model.checkpoint):
        raise InputError(
            f"there is no folder {model.checkpoint}",
            where="model.checkpoint",
            remedy=_near(folder) or _EXAMPLES,
        )
    return None


def _near(folder: Path) -> str:
    """Return the override with the folder of about that name; empty if there is none."""
    try:
        names = [each.name for each in folder.parent.iterdir() if each.is_dir()]
    except OSError:
        return ""
    near = nearest(folder.name, names)
    return "" if near is None else override("model.checkpoint", str(folder.with_name(near)))


def _stands_for(model: ModelSettings) -> bool:
    """True if the package carries this checkpoint and not another one."""
    return model.package is not None and model.package.stands_for in (None, model.checkpoint)


def _from_hub(model: ModelSettings) -> Path:
    """Safetensors of the revision, else those that the hub converted, else a pickle."""
    from huggingface_hub import HfApi  # noqa: PLC0415

    with _refusals_said(model):
        folder = _snapshot(model, WANTED_FILES)
        if any(folder.glob(SAFETENSORS)):
            return folder
        converted = None
        if not any(folder.glob(PICKLES)):
            converted = find_conversion(HfApi(), model.checkpoint, commit=folder.name)
        if converted is not None:
            return _snapshot(replace(model, revision=converted), WANTED_FILES)
        return _snapshot(model, [*WANTED_FILES, PICKLES])


def _from_cache(model: ModelSettings) -> Path | None:
    from huggingface_hub.errors import LocalEntryNotFoundError  # noqa: PLC0415

    with _refusals_said(model), suppress(LocalEntryNotFoundError):
        folder = _snapshot(model, WANTED_FILES, cached_only=True)
        has_weights = any(folder.glob(SAFETENSORS)) or any(folder.glob(PICKLES))
        converted = None if has_weights else known_conversion(folder.name)
        if converted is None:
            return folder
        return _snapshot(replace(model, revision=converted), WANTED_FILES, cached_only=True)
    return None


def _snapshot(model: ModelSettings, patterns: Sequence[str], *, cached_only: bool = False) -> Path:
    from huggingface_hub import snapshot_download  # noqa: PLC0415

    folder = snapshot_download(
        model.checkpoint,
        revision=model.revision,
        allow_patterns=list(patterns),
        ignore_patterns=["*/*"],
        local_files_only=cached_only,
    )
    return Path(folder)


@contextmanager
def _refusals_said(model: ModelSettings) -> Iterator[None]:
    """Turn errors of the hub's library into one of ours."""
    try:
        yield
    except Exception as error:
        if not is_refusal(error):
            raise
        raise _not_fetched(model, error) from error


def _not_fetched(model: ModelSettings, error: Exception) -> InputError:
    reasons = {
        "RepositoryNotFoundError": "the hub has no such model, or it is private",
        "RevisionNotFoundError": f"the model has no revision {model.revision}",
        "GatedRepoError": "the model is gated: accept its terms and log in (`hf auth login`)",
        "LocalEntryNotFoundError": "the hub cannot be reached, and it was not fetched before",
        "OfflineModeIsEnabled": "HF_HUB_OFFLINE is set, and it was not fetched before",
    }
    lines = str(error).splitlines() or [type(error).__name__]
    reason = reasons.get(type(error).__name__, lines[0])
    remedy = (
        f"where there is a network: {script('hf')} download {shlex.quote(model.checkpoint)}; or "
        "model.checkpoint=FOLDER, a local copy"
    )
    if near := _near(expanded(model.checkpoint)):
        remedy = f"{near}; or {remedy}"
    if model.package is not None and _stands_for(model):
        remedy = f"{install_module(model.package.name)}, which brings it"
    return InputError(
        f"{model.checkpoint} is neither a local folder nor to be had from the hub: {reason}",
        where="model.checkpoint",
        remedy=remedy,
    )
