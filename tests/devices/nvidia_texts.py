"""Output of nvidia-smi on some machines: to `QUERY` as CSV, and to `-L`."""

TWO = """\
0, GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77, NVIDIA A100-SXM4-80GB, 550.54.15, 81920, 4, Disabled
1, GPU-18a3e86f-4c0e-cd9f-59c3-55488c4b0c24, Tesla V100-SXM2-16GB, 550.54.15, 16384, 12034, [N/A]
"""
TWO_LISTED = """\
GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)
GPU 1: Tesla V100-SXM2-16GB (UUID: GPU-18a3e86f-4c0e-cd9f-59c3-55488c4b0c24)
"""
CUT = """\
0, GPU-b614723c-e261-4605-066e-79daab4c00ff, NVIDIA A100-SXM4-80GB, 525.60, 81920, 0, Disabled
1, GPU-e52dfcc4-406d-a3d4-f787-4402b535877a, NVIDIA A100-SXM4-80GB, 525.60, 81920, [N/A], Enabled
"""
CUT_LISTED = """\
GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-b614723c-e261-4605-066e-79daab4c00ff)
GPU 1: NVIDIA A100-SXM4-80GB (UUID: GPU-e52dfcc4-406d-a3d4-f787-4402b535877a)
  MIG 2g.20gb     Device  0: (UUID: MIG-ec4c3916-65fa-5948-b9b5-9f21a2ddfcc0)
  MIG 1c.1g.20gb  Device  1: (UUID: MIG-000d40d3-5924-5906-9879-8b69bf58689b)
"""
OLD_DRIVER_LISTED = """\
GPU 0: A100-PCIE-40GB (UUID: GPU-9de3d0e8-33f5-10dc-0c79-2c88a7ab0a23)
  MIG 4g.20gb Device 0: (UUID: MIG-GPU-9de3d0e8-33f5-10dc-0c79-2c88a7ab0a23/2/0)
  MIG 1g.5gb Device 1: (UUID: MIG-GPU-9de3d0e8-33f5-10dc-0c79-2c88a7ab0a23/9/0)
"""
OLD_DRIVER = """\
0, GPU-9de3d0e8-33f5-10dc-0c79-2c88a7ab0a23, A100-PCIE-40GB, 460.80, 40536, [N/A], Enabled
"""
SICK = """\
Unable to determine the device handle for GPU 0000:3B:00.0: Unknown Error
1, GPU-77, NVIDIA GeForce RTX 3090, 535.183.01, [Unknown Error], [Insufficient Permissions], [N/A]
"""
