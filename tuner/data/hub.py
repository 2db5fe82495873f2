"""Reader of Hugging Face data sets. `datasets` loads only data files; no code of a data set runs.

The content of a name can change on the hub, and asking needs the network and a slow import. So the
commit of a name is stored once it was read, and asked for again only if the hub can be reached.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tuner.checkpoints.content import (
    cache_root,
    combined_hash,
    file_hash,
)
from tuner.data.examples import wanted_columns
from tuner.data.table import Table
from tuner.errors import InputError
from tuner.files.atomic import write_whole
from tuner.files.home import expanded
from tuner.settings.overrides import override
from tuner.settings.settings import DataSettings
from tuner.tasks.cells import shortened

_SPLIT_NAME = re.compile(r"\w+(\.\w+)*")
"""Name at the start of a split expression."""


def hub_identity(data: DataSettings, split: str) -> str | None:
    """Return the identity of a split's content; None if it was never read and cannot be asked for.

    A local folder is identified by its files, a hub id by its commit.
    """
    folder = _local(data)
    if folder is not None:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        names = (f"{path.relative_to(folder)} {file_hash(path)}" for path in files)
        return combined_hash((split, *names))
    commit = _commit(data)
    if commit is not None:
        return combined_hash((str(data.name), str(data.config), split, commit))
    return _noted(data, split)


def read_hub(data: DataSettings, split: str, role: str) -> Table:
    """Read the wanted columns of a split; integer class labels become their names.

    Args:
        data: Settings with the hub id, or a folder made by `save_to_disk` or the hub.
        split: Name of the split, with slices such as `train[:10%]`.
        role: `train` or `validation`, for messages.

    Raises:
        InputError: The data set, its configuration or its split is not available.
    """
    import datasets  # noqa: PLC0415

    where = f"{data.name} [{split}]"
    try:
        loaded = _load(datasets, data, split)
    except Exception as error:  # datasets passes on errors of pyarrow, httpx and the hub.
        raise _not_read(data, role, error) from error
    wanted = [name for name in wanted_columns(data) if name in loaded.column_names]
    values = {name: _column(datasets, loaded, name) for name in wanted}
    _note(data, split, str(loaded._fingerprint))  # noqa: SLF001
    classes = {name for name in wanted if _class_label(datasets, loaded.features[name])}
    return Table(
        where=where,
        columns=tuple(loaded.column_names),
        values=values,
        classes=frozenset(classes),
        notes=tuple(_inferred(loaded, wanted)),
    )


def _inferred(loaded: Any, wanted: Sequence[str]) -> Iterator[str]:
    """Yield a warning if `datasets` has converted texts of CSV files to numbers."""
    kinds = {name: str(getattr(loaded.features[name], "dtype", "")) for name in wanted}
    changed = [name for name, kind in kinds.items() if "string" not in kind]
    if loaded.builder_name == "csv" and changed:
        yield (
            f"Hugging Face datasets has read {', '.join(changed)} of CSV files as "
            f"{', '.join(dict.fromkeys(kinds[name] for name in changed))}, so that 01 and 1 are "
            "equal; data=csv data.train=FILE reads them as they are written."
        )


def _load(datasets: Any, data: DataSettings, split: str) -> Any:
    folder = _local(data)
    if folder is None:
        revision = _commit(data) or data.revision
        return datasets.load_dataset(data.name, data.config, split=split, revision=revision)
    saved = (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file()
    if not saved:
        return datasets.load_dataset(str(folder), data.config, split=split)
    return _select(datasets, datasets.load_from_disk(str(folder)), split)


def _select(datasets: Any, saved: Any, split: str) -> Any:
    """Return the rows of a saved `Dataset` or `DatasetDict` for a split expression.

    Args:
        datasets: Module `datasets`.
        saved: Result of `load_from_disk`.
        split: Names, slices and sums, as for `load_dataset`: `train[:50%]+test`.

    Raises:
        ValueError: The expression is malformed, or the split was not saved.
    """
    splits = saved if isinstance(saved, datasets.DatasetDict) else {_split_name(saved): saved}
    if split in splits:
        return splits[split]
    instruction = datasets.ReadInstruction.from_spec(split)
    ranges = instruction.to_absolute({name: len(rows) for name, rows in splits.items()})
    parts = [splits[each.splitname].select(range(each.from_, each.to)) for each in ranges]
    return parts[0] if len(parts) == 1 else datasets.concatenate_datasets(parts)


def _split_name(saved: Any) -> str:
    """Return the split of a saved `Dataset`; `train` if unknown, as in `datasets`.

    A `Dataset` that was loaded as a slice has the name `train[:50%]`: it is its own `train`.
    """
    found = _SPLIT_NAME.match(str(saved.split or ""))
    return found[0] if found else "train"


def _column(datasets: Any, loaded: Any, name: str) -> Sequence[Any]:
    """Return a column's cells; class numbers as names, and None for -1, which means unlabelled."""
    cells: Sequence[Any] = loaded[name][:]
    feature = _class_label(datasets, loaded.features[name])
    return cells if feature is None else [_class_name(feature.names, cell) for cell in cells]


def _class_label(datasets: Any, feature: Any) -> Any:
    """Return the class names' feature of a column, or of its lists; None if there is none."""
    inner = getattr(feature, "feature", feature)
    return inner if isinstance(inner, datasets.ClassLabel) else None


def _class_name(names: Sequence[str], cell: Any) -> Any:
    if isinstance(cell, list):
        return [_class_name(names, each) for each in cell]
    return names[cell] if cell is not None and cell >= 0 else None


def _local(data: DataSettings) -> Path | None:
    folder = expanded(str(data.name))
    return folder if folder.is_dir() else None


def _commit(data: DataSettings) -> str | None:
    """Return the present commit of name and revision; None if the hub does not answer."""
    from huggingface_hub import HfApi, constants  # noqa: PLC0415

    if constants.HF_HUB_OFFLINE or os.environ.get("HF_DATASETS_OFFLINE", "0") not in ("", "0"):
        return None
    try:
        info = HfApi().dataset_info(str(data.name), revision=data.revision, timeout=10.0)
    except Exception:
        return None  # No network or no such data set: reading will report it.
    return info.sha


def _pointer(data: DataSettings, split: str) -> Path:
    key = combined_hash((str(data.name), str(data.config), str(data.revision), split))
    return cache_root() / "datasets" / f"{key}.json"


def _noted(data: DataSettings, split: str) -> str | None:
    try:
        identity = json.loads(_pointer(data, split).read_text(encoding="utf-8"))["identity"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(identity)


def _note(data: DataSettings, split: str, fingerprint: str) -> None:
    """Store what was read, so that it can be found without the network."""
    commit = None if _local(data) is not None else _commit(data)
    identity = fingerprint
    if commit is not None:
        identity = combined_hash((str(data.name), str(data.config), split, commit))
    try:
        write_whole(_pointer(data, split), json.dumps({"identity": identity}))
    except OSError:
        return  # An unwritable cache costs time, nothing else.


def _not_read(data: DataSettings, role: str, error: Exception) -> InputError:
    lines = [line for line in str(error).splitlines() if line.strip()]
    reason = lines[0] if lines else type(error).__name__
    remedy = (
        "data.name=ORG/NAME as its page on the hub shows it, and data.config=CONFIG if it has any"
    )
    if reason.startswith("Couldn't reach"):
        reason = "the hub cannot be reached, and it was not fetched before"
        remedy = (
            "on a machine with a network, with the same HF_HOME: tuner prepare data=hub "
            f"{override('data.name', data.name)}"
        )
    if reason.startswith(("Unknown split", "Unrecognized instruction")):
        remedy = f"data.{role}=SPLIT, an existing split, or a slice: train[:80%]"
    options = getattr(error, "builder_configs", None)
    if options:
        names = list(options)
        remedy = f"{override('data.config', names[0])}, one of: {shortened(names, 20)}"
    return InputError(
        f"the data set {data.name} cannot be read: {reason}",
        where=f"data.name and data.{role}",
        remedy=remedy,
    )
