"""The modules are cut from one that XLA compiled for an H100."""

import pytest

from benchmarks.compiled_module import Traffic, kernels, least_seconds, parse, size, traffic

MODULE = """\
HloModule update, is_scheduled=true, entry_computation_layout={(f32[4,8])->f32[4,8]}

%fused_add (param_0.1: bf16[4,8], param_1.1: bf16[8]) -> bf16[4,8] {
  %param_0.1 = bf16[4,8]{1,0} parameter(0)
  %param_1.1 = bf16[8]{0} parameter(1)
  %broadcast.1 = bf16[4,8]{1,0} broadcast(%param_1.1), dimensions={1}
  ROOT %add.1 = bf16[4,8]{1,0} add(%param_0.1, %broadcast.1)
}

%gemm_fusion_dot_computation (parameter_0: bf16[4,16], parameter_1: bf16[16,8]) -> bf16[4,8] {
  %parameter_0 = bf16[4,16]{1,0} parameter(0)
  %parameter_1 = bf16[16,8]{1,0} parameter(1)
  ROOT %dot.1 = bf16[4,8]{1,0} dot(%parameter_0, %parameter_1), lhs_contracting_dims={1}
}

%body (state: (s32[], f32[10])) -> (s32[], f32[10]) {
  %state = (s32[], f32[10]{0}) parameter(0)
  %count = s32[] get-tuple-element(%state), index=0
  %values = f32[10]{0} get-tuple-element(%state), index=1
  %copy.1 = f32[10]{0} copy(%values)
  ROOT %tuple.1 = (s32[], f32[10]{0}) tuple(%count, %copy.1)
}

%condition (state.1: (s32[], f32[10])) -> pred[] {
  %state.1 = (s32[], f32[10]{0}) parameter(0)
  ROOT %never = pred[] constant(false)
}

ENTRY %main (arg0: bf16[4,16], arg1: bf16[16,8], arg2: bf16[8], /*index=3*/arg3: (s32[], f32[10])) -> bf16[4,8] {
  %arg0 = bf16[4,16]{1,0} parameter(0)
  %arg1 = bf16[16,8]{1,0} parameter(1)
  %arg2 = bf16[8]{0} parameter(2), metadata={op_name="a(b)"}
  %arg3 = (s32[], f32[10]{0}) parameter(3)
  %while.1 = (s32[], f32[10]{0}) while(%arg3), condition=%condition, body=%body, backend_config={"known_trip_count":{"n":"3"}}
  %gemm_fusion_dot.1 = bf16[4,8]{1,0} fusion(%arg0, %arg1), kind=kCustom, calls=%gemm_fusion_dot_computation
  %cublas-gemm.1 = (bf16[4,8]{1,0}, s8[100]{0}) custom-call(%arg0, %arg1), custom_call_target="__cublas$gemm"
  %bitcast.1 = bf16[32]{0} bitcast(%gemm_fusion_dot.1)
  ROOT %loop_add_fusion = bf16[4,8]{1,0} fusion(%gemm_fusion_dot.1, /*index=1*/%arg2), kind=kLoop, calls=%fused_add
}
"""  # noqa: E501
OPERANDS = 2 * (4 * 16 + 16 * 8)
RESULT = 2 * 4 * 8
WORKSPACE = 100


@pytest.mark.parametrize(
    ("shape", "bytes_"),
    [
        ("f32[]", 4),
        ("bf16[64,128]{1,0}", 2 * 64 * 128),
        ("(f32[2]{0}, pred[], token[])", 9),
        ("u4[3]", 2),
        ("f32[0]", 0),
    ],
)
def test_a_shape_has_the_bytes_of_all_its_arrays(shape, bytes_):
    assert size(shape) == bytes_


def test_kernels_are_those_of_the_entry_and_of_each_turn_of_its_loops():
    found = [(each.name, moved) for each, moved in kernels(parse(MODULE))]
    assert found == [
        *[("copy.1", 2 * 4 * 10)] * 3,
        ("gemm_fusion_dot.1", OPERANDS + RESULT),
        ("cublas-gemm.1", OPERANDS + RESULT + WORKSPACE),
        ("loop_add_fusion", 2 * RESULT + 2 * 8),
    ]


def test_products_stand_apart():
    assert traffic(parse(MODULE)) == Traffic(
        products=2 * (OPERANDS + RESULT) + WORKSPACE, others=240 + 2 * RESULT + 16, kernels=6
    )


def test_a_text_without_an_entry_is_no_module():
    with pytest.raises(ValueError, match="ENTRY"):
        parse("HloModule cut_off\n")


def test_products_take_their_operations_or_their_bytes_and_others_their_bytes():
    moved = Traffic(products=30, others=10, kernels=2)
    assert least_seconds(moved, flops=800, bandwidth=10, rate=100) == 8 + 1
    assert least_seconds(moved, flops=100, bandwidth=10, rate=100) == 3 + 1
