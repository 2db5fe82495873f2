"""Reader process: reads a split of a TensorFlow data set and writes its columns as JSON.

Standard input holds one JSON object with `name`, `split`, `wanted` and `output`. The file `output`
then holds `full_name`, `columns`, `values` and `classes`, the columns with class names. On failure
the last line of standard error has the reason, and the exit code is 1.
"""

import json
import sys
from pathlib import Path
from typing import Any


def main() -> int:
    """Process one request and return the exit code."""
    request = json.load(sys.stdin)
    try:
        answer = json.dumps(read(request["name"], request["split"], request["wanted"]))
    except Exception as error:
        lines = str(error).splitlines()
        print(f"{type(error).__name__}: {lines[0] if lines else ''}", file=sys.stderr)  # noqa: T201
        return 1
    Path(request["output"]).write_text(answer, encoding="utf-8")
    return 0


def read(name: str, split: str, wanted: list[str]) -> dict[str, Any]:
    """Return the wanted columns of a split; class numbers as names, bytes as text."""
    import tensorflow_datasets as tfds  # noqa: PLC0415

    builder = tfds.builder(name)
    builder.download_and_prepare()
    features = builder.info.features
    values: dict[str, list[Any]] = {column: [] for column in wanted if column in features}
    for row in tfds.as_numpy(builder.as_dataset(split=split)):
        for column, cells in values.items():
            cells.append(plain(row[column], getattr(features[column], "names", None)))
    return {
        "full_name": builder.info.full_name,
        "columns": list(features),
        "values": values,
        "classes": [column for column in values if getattr(features[column], "names", None)],
    }


def plain(cell: Any, names: list[str] | None) -> Any:
    """Return a numpy cell as a JSON value.

    Args:
        cell: Value, or a list or dict of such, as a feature of TensorFlow Datasets has it.
        names: Class names, by which class numbers are replaced; of class -1, which means
            unlabelled, by None. The classes inside a dict keep their numbers.
    """
    value = cell.tolist() if hasattr(cell, "tolist") else cell
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, dict):
        return {key: plain(part, None) for key, part in value.items()}
    if isinstance(value, list):
        return [plain(part, names) for part in value]
    if names is None or not isinstance(value, int):
        return value
    return names[value] if value >= 0 else None


if __name__ == "__main__":
    sys.exit(main())
