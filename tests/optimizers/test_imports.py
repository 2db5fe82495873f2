"""Configuration reads plug-ins of training without the libraries that train."""

import subprocess
import sys

COMPUTING = (
    "binary_cross_entropy", "calibration", "choice_cross_entropy", "entities", "label_sets",
    "label_weights", "probability_scores", "ranking", "row_losses", "span_cross_entropy", "spans",
    "squared_error", "token_cross_entropy", "weighted_cross_entropy", "window_logits",
)  # fmt: skip
"""Modules of tasks that are imported inside the functions that compute."""

HEAVY = ("tensorflow", "keras", "numpy", "cattrs", "omegaconf", "hydra", "optuna")

READ = f"""
import pkgutil, sys
from importlib import import_module
from tuner import encoders, optimizers, schedules, tasks
for package in (encoders, optimizers, schedules, tasks):
    for module in pkgutil.iter_modules(package.__path__):
        if module.name not in {COMPUTING}:
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
