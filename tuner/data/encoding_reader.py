"""Reader process: encodes texts with `transformers.AutoTokenizer` and prints the result.

Standard input holds one JSON object: `folders`, `texts`, `pairs` and `max_length`. Standard output
gets one with `encoded`: for each folder the rows of texts, then those of pairs, each row as ids,
token types (null if there are none) and mask; or null if the folder cannot be read, with the
reason in `failed`. The module imports nothing of ours.
"""

import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def main() -> int:
    """Process one request and return the exit code."""
    request = json.load(sys.stdin)
    os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1"}
    with contextlib.redirect_stdout(sys.stderr):
        from transformers import AutoTokenizer  # noqa: PLC0415

        answer: dict[str, list[Any]] = {"encoded": [], "failed": []}
        for folder in request["folders"]:
            try:
                tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
                answer["encoded"].append(encoded(tokenizer, request))
                answer["failed"].append(None)
            except BaseException as error:  # A panic of the library is not an Exception.
                answer["encoded"].append(None)
                answer["failed"].append((str(error).splitlines() or [type(error).__name__])[0])
    # After the mark of an answer; see tuner.processes.python_process, which is not imported here.
    sys.stdout.write(f"\x1e{json.dumps(answer)}\n")
    return 0


def encoded(tokenizer: Any, request: Mapping[str, Any]) -> list[list[Any]]:
    """Return the rows of texts and of pairs, cut at the length.

    They are passed as lists: of a single pair transformers drops an empty second text.
    """
    given: list[Sequence[str]] = [[text] for text in request["texts"]] + request["pairs"]
    rows = []
    for texts in given:
        batch = tokenizer(
            *([text] for text in texts), truncation=True, max_length=request["max_length"]
        )
        names = ("input_ids", "token_type_ids", "attention_mask")
        rows.append([batch[name][0] if name in batch else None for name in names])
    return rows


if __name__ == "__main__":
    sys.exit(main())
