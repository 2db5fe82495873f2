"""An optimizer as transformers' Trainer makes it, where its updates are the same."""

from collections.abc import Mapping
from typing import Any

from tuner.results.export.left_out import LeftOut

ADAM: Mapping[str, Any] = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "adam": ADAM,
    "adamw": ADAM,
    "lion": {"beta_1": 0.9, "beta_2": 0.99},
    "sgd": {"momentum": 0.0, "nesterov": False},
    "rmsprop": {"rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": False},
}
"""Fields of an optimizer that has a counterpart, to what they are where none is given."""

_NAMES: Mapping[str, str] = {
    "adam": "adamw_torch", "adamw": "adamw_torch", "lion": "lion_32bit", "sgd": "sgd",
    "rmsprop": "rmsprop",
}  # fmt: skip
"""Values of `optim`."""

_ARGUMENTS: Mapping[str, str] = {
    "beta_1": "adam_beta1", "beta_2": "adam_beta2", "epsilon": "adam_epsilon",
}  # fmt: skip
_OPTIM_ARGS: Mapping[str, Mapping[str, str]] = {
    "sgd": {"momentum": "momentum", "nesterov": "nesterov"},
    "rmsprop": {
        "rho": "alpha", "momentum": "momentum", "epsilon": "eps", "centered": "centered",
    },
}  # fmt: skip
"""Fields of an optimizer to their names in `optim_args`."""

_COUPLED = ("sgd", "rmsprop")
"""Optimizers of torch that add weight decay to the gradient; ours shrinks the weights."""

_COMMON = ("name", "learning_rate", "weight_decay", "layer_decay")
_OWN = "Trainer(optimizers=(OPTIMIZER, SCHEDULER))"
_REMEDIES: Mapping[str, str] = {
    "adafactor": "`optim=adafactor` takes steps of the learning rate; ours are multiplied with "
    f"each weight's root mean square. {_OWN} with transformers.Adafactor(..., "
    "scale_parameter=True, relative_step=False) comes nearest",
    "lion": "`optim=lion_32bit` is an optimizer of bitsandbytes, installed where the Trainer runs "
    "by python -m pip install bitsandbytes",
}


def optimizer(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[LeftOut]]:
    """Translate an optimizer.

    Args:
        given: `name`, `learning_rate`, `weight_decay`, `layer_decay` and the optimizer's own
            fields.

    Returns:
        Keyword arguments of TrainingArguments, without `optim` where it has none like it, and
        what they do not say.
    """
    name = str(given["name"]).lower().replace("_", "")
    arguments: dict[str, Any] = {"learning_rate": float(given["learning_rate"])}
    rest: list[LeftOut] = []
    decay = float(given.get("weight_decay") or 0.0)
    if decay and name in _COUPLED:
        remedy = "torch adds it to the gradient, here it shrinks the weights"
        rest.append(LeftOut(key="optimizer.weight_decay", value=decay, remedy=remedy))
    else:
        arguments["weight_decay"] = decay
    if float(given.get("layer_decay", 1.0)) != 1.0:
        remedy = "a parameter group with its own rate for each layer"
        rest.append(
            LeftOut(key="optimizer.layer_decay", value=given["layer_decay"], remedy=remedy)
        )
    own = {key: value for key, value in given.items() if key not in _COMMON}
    unsaid = [key for key in own if key not in DEFAULTS.get(name, {}) and own[key] is not False]
    if name not in _NAMES or unsaid:
        return arguments, [*rest, *_no_counterpart(name, own, unsaid)]
    if name in _REMEDIES:
        rest.append(LeftOut(key="optimizer.name", value=name, remedy=_REMEDIES[name]))
    return {**arguments, **_fields(name, {**DEFAULTS[name], **own})}, rest


def _fields(name: str, own: Mapping[str, Any]) -> dict[str, Any]:
    """`optim` and the optimizer's own fields."""
    if name in _OPTIM_ARGS:
        pairs = (f"{other}={own[key]}" for key, other in _OPTIM_ARGS[name].items())
        return {"optim": _NAMES[name], "optim_args": ",".join(pairs)}
    fields = {_ARGUMENTS[key]: own[key] for key in DEFAULTS[name]}
    return {"optim": _NAMES[name], **fields}


def _no_counterpart(name: str, own: Mapping[str, Any], unsaid: list[str]) -> list[LeftOut]:
    """The optimizer, or the fields that a known one has beside those that it can say."""
    if name in _NAMES:
        remedy = f"the Trainer's {name} has no such field; {_OWN}"
        return [LeftOut(key=f"optimizer.{key}", value=own[key], remedy=remedy) for key in unsaid]
    remedy = _REMEDIES.get(name, f"the Trainer has no such optimizer; {_OWN}")
    remedy += "; without `optim` it takes adamw_torch"
    found = [LeftOut(key="optimizer.name", value=name, remedy=remedy)]
    return found + [
        LeftOut(key=f"optimizer.{key}", value=value, remedy="a field of that optimizer")
        for key, value in own.items()
    ]
