"""Configuration reads optimizers, schedules and encoders without the libraries that train."""

import subprocess
import sys

HEAVY = ("tensorflow", "keras", "numpy", "cattrs", "omegaconf", "hydra", "optuna")

READ = f"""
import pkgutil, sys
from importlib import import_module
from tuner import encoders, optimizers, schedules
for package in (encoders, optimizers, schedules):
    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"{{package.__name__}}.{{module.name}}")
    for kind in package.REGISTRY.bundled():
        made = kind()
        assert package.REGISTRY.from_mapping(made.to_mapping()) == made
assert sum(1 for _ in encoders.find("bert")().parameters()) == 197
assert optimizers.find("adamw")().kernel_inputs(1e-3, 1)
assert schedules.find("linear")().learning_rate(1.0, 1, 10)
print([name for name in {HEAVY} if name in sys.modules])
"""


def test_nothing_heavy_is_imported():
    done = subprocess.run([sys.executable, "-c", READ], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
