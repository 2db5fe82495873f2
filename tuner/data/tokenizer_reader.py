"""Run as a process: reads the tokenizer of a folder, tries it out and prints it as one JSON text.

The `tokenizers` library panics at some files, and could take its process along. On failure the
last line of standard error says why, and the exit code is 1. It imports nothing of ours, so that
it starts at once.
"""

import contextlib
import sys
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

_TEXTS = ("a", "The 3 quick foxes (or so) jumped -- didn't they? " * 20, "")


def main() -> int:
    """Answers for the folder that the command line names; returns the exit code."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            text = read(Path(sys.argv[1])).to_str()
            try_out(Tokenizer.from_str(text))
    except BaseException as error:
        # A panic of the library is no `Exception`, and its own report has many lines.
        print((str(error).splitlines() or [type(error).__name__])[0], file=sys.stderr)  # noqa: T201
        return 1
    # Behind the mark of an answer; see tuner.python_process, which is not imported here.
    sys.stdout.buffer.write(b"\x1e" + text.encode().replace(b"\n", b" ") + b"\n")
    return 0


def read(folder: Path) -> Tokenizer:
    """The tokenizer; truncation and padding that its file asks for switched off."""
    path = folder / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path)) if path.is_file() else _converted(folder)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def try_out(tokenizer: Tokenizer) -> None:
    """Uses the tokenizer as preparing data does."""
    tokenizer.get_vocab(with_added_tokens=True)
    tokenizer.encode_batch_fast(list(_TEXTS), add_special_tokens=False)
    for pair in (None, *_TEXTS):
        tokenizer.encode(_TEXTS[0], pair)


def _converted(folder: Path) -> Tokenizer:
    """Makes the tokenizer of a folder that has only the older files, such as vocab.txt."""
    from transformers import AutoTokenizer  # noqa: PLC0415

    loaded: Any = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
    tokenizer: Tokenizer = loaded.backend_tokenizer
    return tokenizer


if __name__ == "__main__":
    sys.exit(main())
