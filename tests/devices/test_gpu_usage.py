import pytest

from tuner.devices.gpu_usage import GpuUsage, Look, named, position, summary

UUIDS = ("GPU-8932f937-d72c", "GPU-8932aaaa-0000", "GPU-1234f937-d72c")


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        ("0,2", ["0", "2"]),
        (" 1 , 3 ", ["1", "3"]),
        ("", []),
        ("-1", []),
        ("0,-1,1", ["0"]),
        ("GPU-8932f937", ["GPU-8932f937"]),
        ("MIG-a,MIG-GPU-b/1/0", ["MIG-a", "MIG-GPU-b/1/0"]),
    ],
)
def test_the_names_that_cuda_reads(visible, names):
    assert named(visible) == names


@pytest.mark.parametrize(
    ("name", "index"),
    [("0", 0), ("2", 2), ("3", None), ("GPU-8932f", 0), ("GPU-1", 2), ("GPU-8932", None),
     ("GPU-7", None), ("first", None)],
)  # fmt: skip
def test_the_gpu_that_a_name_means(name, index):
    assert position(name, UUIDS) == index


def test_looks_come_to_a_mean_and_a_most():
    looks = [
        Look(busy=(1.0, 0.5), memory=(10, 20)),
        Look(busy=(0.0, 0.5), memory=(30, 5)),
        Look(),
    ]
    assert summary(looks) == GpuUsage(utilization=0.5, memory_bytes=35)


def test_what_no_gpu_told_is_unknown():
    assert summary([]) == summary([Look()]) == GpuUsage()
    assert summary([Look(memory=(7,))]) == GpuUsage(memory_bytes=7)
