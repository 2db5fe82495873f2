"""Recognition of failures by texts that TensorFlow 2.21 and its libraries print."""

import pytest

from tuner.trial.failure import LIBRARY, kind_of, memory_line, shortage

TUNING = (
    "Autotuning failed for HLO: %gemm_fusion_MatMul.2 = bf16[262144,4096]{1,0} fusion(%arg0.1) "
    "with error: NOT_FOUND: No valid config found! [Op:__inference_f_22]"
)
UNCHECKED = "No reference output found even though buffer checking was requested while autotuning"
BLAS = "Failed to initialize BLAS support"
CUDNN = "Could not create cudnn handle: CUDNN_STATUS_NOT_INITIALIZED"

RAN_OUT = (
    "Allocator (GPU_0_bfc) ran out of memory trying to allocate 2.00GiB (rounded to 2147483648)"
    "requested by op __inference_f_22"
)
NO_HANDLE = "failed to create cublas handle: the resource allocation failed"
WARNED = "W0000 00:00:1795325852.919515    6731 bfc_allocator.cc:502] "
HARMLESS = (
    "W0000 00:00:1795325852.919515    6731 bfc_allocator.cc:310] Allocator (GPU_0_bfc) ran out of "
    "memory trying to allocate 2.25GiB with freed_by_count=0. The caller indicates that this is "
    "not a failure, but this may mean that there could be performance gains if more memory were "
    "available.\n"
    "I0000 00:00:1795325852.919515    6731 cuda_executor.cc:512] failed to allocate 2.00GiB from "
    "device: RESOURCE_EXHAUSTED: : CUDA_ERROR_OUT_OF_MEMORY: out of memory"
)


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("ResourceExhaustedError", "", "out_of_memory"),
        ("MemoryError", "", "out_of_memory"),
        ("InternalError", "CUDA_ERROR_OUT_OF_MEMORY: out of memory", "out_of_memory"),
        ("InternalError", "Failed to allocate request for 2.0GiB (2147483648B)", "out_of_memory"),
        ("UnknownError", "CUDNN_STATUS_ALLOC_FAILED", "out_of_memory"),
        ("InternalError", "CUDA_ERROR_ILLEGAL_ADDRESS", "device"),
        ("InternalError", CUDNN, "device"),
        ("InternalError", BLAS, "error"),
        ("InternalError", TUNING, "error"),
        ("ValueError", "shapes differ", "error"),
    ],
)
def test_an_exception_means_what_its_name_and_text_say(name, text, kind):
    assert kind_of([name, "Exception"], text) == kind


@pytest.mark.parametrize("text", [TUNING, UNCHECKED, BLAS, CUDNN, "No BLAS support for stream"])
def test_what_may_hide_a_shortage_is_one_where_log_or_gpu_show_it(text):
    assert shortage(text, f"{HARMLESS}\n{WARNED}{RAN_OUT}", 2 * LIBRARY) == RAN_OUT
    assert shortage(text, NO_HANDLE, None) == NO_HANDLE
    assert shortage(text, "", LIBRARY // 2) == "0.2 GB of the GPU were free"
    assert not shortage(text, HARMLESS, 2 * LIBRARY)
    assert not shortage(text, "", None)
    assert kind_of(["InternalError"], text, RAN_OUT) == "out_of_memory"


def test_an_error_that_names_another_cause_is_not_searched_for_a_shortage():
    assert not shortage("shapes differ", RAN_OUT, 0)


def test_a_log_tells_that_memory_ran_out_where_nothing_else_was_tried_then():
    assert memory_line(f"loaded\n{HARMLESS}\n {WARNED}{RAN_OUT}\nended") == RAN_OUT
    assert not memory_line(HARMLESS)
