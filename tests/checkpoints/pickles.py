"""Builds files as `torch.save` writes them, also such as it never would."""

import json
import math
import pickle
import zipfile

from safetensors.numpy import load_file

STORAGES = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage",
    "int64": "LongStorage",
}
MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
MACHINE = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"long": 4}}


def literal(value):
    """Operations that leave a plain value on the stack."""
    return pickle.dumps(value, 2)[2:-1]


def name(module, attribute):
    return f"c{module}\n{attribute}\n".encode()


def call(called, *arguments):
    return called + b"(" + b"".join(arguments) + b"tR"


ORDERED_DICT = call(name("collections", "OrderedDict"))


def storage(key, numbers, kind="FloatStorage", *more):
    parts = (literal("storage"), name("torch", kind), literal(key), literal("cpu"))
    return b"(" + b"".join(parts) + literal(numbers) + b"".join(map(literal, more)) + b"tQ"


def tensor(stored, shape, *, offset=0, strides=None):
    if strides is None:
        strides = tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))
    arguments = (stored, literal(offset), literal(shape), literal(strides), b"\x89", ORDERED_DICT)
    return call(name("torch._utils", "_rebuild_tensor_v2"), *arguments)


def state_dict(**values):
    """The whole pickle of a dict whose values are operations."""
    items = b"".join(literal(key) + value for key, value in values.items())
    return b"\x80\x02" + ORDERED_DICT + b"(" + items + b"u."


def write_zip(path, content, storages, *, order=b"little", compression=zipfile.ZIP_STORED):
    """A file of PyTorch 1.6 or later.

    Args:
        path: To write.
        content: Content of data.pkl.
        storages: Key to bytes.
        order: Content of `byteorder`; None leaves it out, as PyTorch before 2.1 does.
        compression: Compression of the archive.
    """
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", content)
        if order is not None:
            archive.writestr("archive/byteorder", order)
        for key, data in storages.items():
            archive.writestr(f"archive/data/{key}", data)


def write_legacy(path, content, storages, *, machine=MACHINE, counts=None):
    """A file of PyTorch before 1.6.

    Args:
        path: To write.
        content: Pickle of the state dict.
        storages: Key to bytes.
        machine: Description of the machine in the file.
        counts: Numbers that it says the storages have; None: of float32.
    """
    parts = [pickle.dumps(value, 2) for value in (MAGIC, VERSION, machine)]
    parts += [content, pickle.dumps(list(storages), 2)]
    for number, data in enumerate(storages.values()):
        count = len(data) // 4 if counts is None else counts[number]
        parts += [count.to_bytes(8, "little"), data]
    path.write_bytes(b"".join(parts))


def as_pickle(folder, *, files=1):
    """Replaces the safetensors of a checkpoint by pickles with the same tensors."""
    path = folder / "model.safetensors"
    tensors = load_file(path)
    path.unlink()
    names = ["pytorch_model.bin"]
    if files > 1:
        names = [f"pytorch_model-{i + 1:05}-of-{files:05}.bin" for i in range(files)]
    homes = {key: names[i % files] for i, key in enumerate(sorted(tensors))}
    for file in names:
        mine = {key: value for key, value in tensors.items() if homes[key] == file}
        content = state_dict(
            **{
                key: tensor(storage(key, value.size, STORAGES[value.dtype.name]), value.shape)
                for key, value in mine.items()
            }
        )
        write_zip(folder / file, content, {key: value.tobytes() for key, value in mine.items()})
    if files > 1:
        index = {"weight_map": homes}
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    return folder
