"""Writes `torch_files/`: the same tensors as torch saves them in each of its formats.

Run it with torch and safetensors installed, which the tests do not need:
`python tests/checkpoints/make_torch_files.py`.
"""

from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file

FOLDER = Path(__file__).parent / "torch_files"


def tensors():
    """Every type that is read, and every way in which a tensor lies in its storage."""
    torch.manual_seed(0)
    shared = torch.randn(40)
    floats = {
        name: torch.randn(3, 5).to(getattr(torch, name))
        for name in ("float64", "float32", "float16", "bfloat16")
    }
    integers = {
        name: torch.arange(5).to(getattr(torch, name))
        for name in ("int64", "int32", "int16", "int8", "uint8", "bool")
    }
    return floats | integers | {
        "parameter": torch.nn.Parameter(torch.randn(4)),
        "first": shared[:12].view(3, 4),
        "second": shared[12:],
        "every other": shared[::2],
        "transposed": torch.randn(4, 3).t(),
        "permuted": torch.randn(2, 3, 4).permute(2, 0, 1),
        "one": torch.tensor(7.5),
        "empty": torch.empty(0),
        "positions": torch.arange(6).expand(1, -1),
    }  # fmt: skip


def main():
    FOLDER.mkdir(exist_ok=True)
    state = OrderedDict(tensors())
    whole = {name: value.detach().clone().contiguous() for name, value in state.items()}
    save_file(whole, FOLDER / "expected.safetensors")
    state["no tensor"] = {"step": 3, "rate": 0.5, "names": ["a", None, True]}
    state._metadata = {"": {"version": 1}}
    torch.save(state, FOLDER / "zip.bin")
    torch.save(state, FOLDER / "protocol_4.bin", pickle_protocol=4)
    torch.save(state, FOLDER / "legacy.bin", _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    main()
