"""Composition of sweeps and trials; the only code that knows Hydra and OmegaConf."""

from tuner.config.command_line import train_command
from tuner.config.doctor_config import ComposedDoctor, compose_doctor
from tuner.config.reporting import (
    ComposedReader,
    compose_clean,
    compose_export,
    compose_report,
)
from tuner.config.single_section import compose_predict, compose_verify
from tuner.config.sweeping import (
    ComposedSweep,
    check_space,
    compose_sweep,
    compose_trial,
    identify,
    searched_options,
)
from tuner.config.training_file import (
    ComposedTraining,
    compose_training,
    dump_trial,
    load_trial,
    read_provenance,
    read_trial,
    render,
    render_training,
    trial_values,
)
from tuner.config.user_metrics import GivenMetrics

__all__ = [
    "ComposedDoctor",
    "ComposedReader",
    "ComposedSweep",
    "ComposedTraining",
    "GivenMetrics",
    "check_space",
    "compose_clean",
    "compose_doctor",
    "compose_export",
    "compose_predict",
    "compose_report",
    "compose_sweep",
    "compose_training",
    "compose_trial",
    "compose_verify",
    "dump_trial",
    "identify",
    "load_trial",
    "read_provenance",
    "read_trial",
    "render",
    "render_training",
    "searched_options",
    "train_command",
    "trial_values",
]
