"""Wrong input, and what people are told."""

import shlex

import pytest

from tuner.config import check_space, compose_sweep
from tuner.errors import InputError

FILES = {
    "conf/optimizer/typo.yaml": "name: adamw\nlearning_rat: 3e-5\n",
    "conf/optimizer/broken.yaml": "name: adamw\n  learning_rate: [\n",
    "conf/optimizer/unnamed.yaml": "learning_rate: 1e-5\n",
    "conf/optimizer/inherits.yaml": "defaults: [nothing]\n",
    "conf/optimizer/stray.yaml": "defaults: [adamw, _self_]\nmomentum: 0.9\n",
    "conf/model/text.yaml": "just words\n",
    "conf/model/long.yaml": "checkpoint: x\nmax_length: long\n",
    "sweeps/swapped.yaml": 'space: {optimizer.learning_rate: "interval(1e-3, 1e-5)"}',
    "sweeps/absent.yaml": 'space: {optimizer.momentum: "interval(0.1, 0.5)"}',
    "sweeps/real.yaml": 'space: {training.batch_size: "interval(8, 64)"}',
    "sweeps/unclosed.yaml": 'space: {optimizer.learning_rate: "interval(1e-5, 1e-3"}',
    "sweeps/single.yaml": "space: {training.batch_size: 16}",
    "sweeps/condition.yaml": (
        'space: {training.batch_size: {values: "8, 16", when: {optimiser: sgd}}}'
    ),
    "sweeps/condition_option.yaml": (
        'space: {training.batch_size: {values: "8, 16", when: {optimizer: sdg}}}'
    ),
    "sweeps/twice.yaml": (
        'overrides: [training.batch_size=8]\nspace: {training.batch_size: "8, 16"}'
    ),
    "sweeps/duplicate.yaml": "n_trials: 1\nn_trials: 2\n",
    "sweeps/overlap.yaml": (
        "space: {training.batch_size: "
        '[{values: "8, 16"}, {values: "32, 64", when: {optimizer: adamw}}]}'
    ),
    "sweeps/typo.yaml": "ntrials: 3\n",
    "sweeps/override.yaml": "defaults: [{override /model: bert_base}]\n",
    "sweeps/field.yaml": 'space: {training.batch_size: {value: "8, 16"}}',
}

CASES = [
    ("", "no sweep is named", "command line", "batch_search, condition"),
    ("sweep=nope", "there is no sweep called 'nope'", "sweep=nope", "lr_search"),
    ("sweep=lr_search,full_search", "names several sweeps", "command line", "one sweep at a time"),
    ("optimizer.momentum=0.9", "no key 'optimizer.momentum' with optimizer=adamw",
     "command line, optimizer.momentum=0.9", "one of optimizer.learning_rate, "),
    ("training.batchsize=1", "no key 'training.batchsize'", "command line, training.batchsize=1",
     "training.batch_size"),
    ("trainng.batch_size=1", "no key 'trainng.batch_size'", "command", "training.batch_size=1"),
    ("training.batch_size=16.0", "training.batch_size is 16.0",
     "command line, training.batch_size=16.0", "1 or more, or auto"),
    ("training.batch_size=0", "training.batch_size is 0", "command line", "1 or more, or auto"),
    ("training.evaluations=2.5", "training.evaluations is 2.5, which is not a whole number",
     "command line, training.evaluations=2.5", "a whole number"),
    ("optimizer.learning_rate=abc", "optimizer.learning_rate is 'abc', which is not a number",
     "command line, optimizer.learning_rate=abc", "a number"),
    ("optimizer.weight_decay=null", "optimizer.weight_decay is null", "command line", "a value"),
    ("optimizer.name=sgd", "optimizer.name is set", "command line", "optimizer=sgd"),
    ("model=foo", "there is no model called 'foo'", "command line, model=foo",
     "albert_base, bert_base, camembert_base"),
    ("model={checkpoint:x}", "not the name of an option", "command line", "model=OPTION"),
    ("launcher.slots=0", "launcher.slots is 0", "command line, launcher.slots=0", "1 to 10,000"),
    ("training.evaluations=0 training.epochs=-1",
     "training.epochs is -1.0; training.evaluations is 0", "command line, training.epochs=-1",
     "training.epochs=1.0 (above 0, at most 1,000,000); training.evaluations="),
    ("training.epochs=inf", "training.epochs is inf", "command line", "above 0, at most"),
    ("training.length_window=0", "training.length_window is 0", "command line", "1 or more"),
    ("study=../x", "study is '../x'", "command line, study=../x", "a plain name"),
    ("sweep.objectives=[val_acc]", "sweep.objectives is 'val_acc'", "command line",
     "val_accuracy, val_macro_f1"),
    ("data=csv", "data.train has no value", "csv.yaml, data.train", "data.train=VALUE"),
    ("optimizer=typo", "no key 'optimizer.learning_rat'", "conf/optimizer/typo.yaml",
     "optimizer.learning_rate"),
    ("optimizer=broken", "no valid YAML", "conf/optimizer/broken.yaml, line 2", ""),
    ("optimizer=unnamed", "no optimizer named 'unnamed'",
     "conf/optimizer/unnamed.yaml, optimizer.name", "adafactor, adagrad, adam"),
    ("optimizer=inherits", "no optimizer called 'nothing'", "conf/optimizer/inherits.yaml",
     "adamw"),
    ("optimizer=stray", "no key 'optimizer.momentum' with optimizer.name=adamw",
     "conf/optimizer/stray.yaml", "optimizer.learning_rate"),
    ("model=text", "contains no keys", "conf/model/text.yaml", "key: value"),
    ("model=long", "model.max_length is 'long', which is not a whole number",
     "conf/model/long.yaml, model.max_length", "a whole number"),
    ("sweep=swapped", "low (0.001) is not below high (1e-05)",
     "sweeps/swapped.yaml, sweep.space, optimizer.learning_rate", "interval(0, 1)"),
    ("sweep=absent", "no key 'optimizer.momentum' with optimizer=adamw",
     "sweeps/absent.yaml, sweep.space, optimizer.momentum", "optimizer.beta_1"),
    ("sweep=real", "takes whole numbers", "sweeps/real.yaml", "range(8,65)"),
    ("sweep=unclosed", "'interval(1e-5, 1e-3' cannot be read", "sweeps/unclosed.yaml",
     "choice(a, b)"),
    ("sweep=single", "16 is not a search", "sweeps/single.yaml", "choice(a, b)"),
    ("sweep=condition", "names 'optimiser', which does not exist", "sweeps/condition.yaml",
     "a searched key"),
    ("sweep=condition_option", "no optimizer called 'sdg'", "sweeps/condition_option.yaml", "sgd"),
    ("sweep=twice", "training.batch_size is both searched and fixed", "sweeps/twice.yaml",
     "sweep.overrides"),
    ("sweep=duplicate", "duplicate key n_trials", "sweeps/duplicate.yaml, line 2", ""),
    ("sweep=overlap", "training.batch_size", "sweeps/overlap.yaml, sweep.space", ""),
    ("sweep=typo", "no key 'sweep.ntrials'", "sweeps/typo.yaml", "sweep.n_trials"),
    ("sweep=override", "Could not override", "sweeps/override.yaml", "sweep.overrides"),
    ("sweep=field", "no field 'value'", "sweeps/field.yaml", "{values: EXPRESSION"),
    ("+training.foo=3", "adds or deletes a key", "command line, +training.foo=3", "without + or"),
    ("~training.epochs", "adds or deletes a key", "command line", "without + or ~"),
    ("+training.batch_size=8,16", "adds or deletes a key", "command line", "without +"),
    ("training.batch_size=glob(*)", "glob()", "command line", "choice(a, b)"),
    ("training.batch_size=range(4,2)", "is empty", "command line", "range(1, 8)"),
    ("schedule=interval(0,1)", "schedule is a group", "command line", "schedule=constant,cosine,"),
    ("optimizer=adamw,nope", "no optimizer called 'nope'", "command line", "adamw"),
    ("launcher.slots=1,2", "not part of a trial", "command line, launcher.slots=1,2", "training"),
    ("nonsense", "cannot be read", "command line", "KEY=VALUE"),
    ("--multirun", "no option '--multirun'", "command line", "KEY=VALUE"),
    ("hydra.job.name=x", "a setting of Hydra", "command line", "without hydra.job.name=x"),
    ("optimizer@x=sgd", "to another package", "command line", "optimizer=sgd"),
    ("model.checkpoint='${nope}'", "'nope' not found", "command line", ""),
    ("sweep.space.schedule=linear", "changes the space itself", "command line", "a search"),
    ("schedule.warmup_fraction=interval(0,2)", "schedule.warmup_fraction is 2.0",
     "command line, schedule.warmup_fraction=interval(0,2)", "a share from 0 to 1"),
    ("optimizer=adamw,sgd optimizer.beta_1=0.8", "no key 'optimizer.beta_1' with optimizer=sgd",
     "command line, optimizer.beta_1=0.8", "optimizer.momentum"),
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("user")
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


@pytest.mark.parametrize(("line", "problem", "where", "remedy"), CASES)
def test_wrong_input_is_explained(line, problem, where, remedy, folder):
    arguments = line.split()
    if line and not any(argument.startswith("sweep=") for argument in arguments):
        arguments = ["sweep=lr_search", *arguments]
    with pytest.raises(InputError) as caught:
        check_space(compose_sweep(arguments, folder))
    error = caught.value
    assert problem in error.problem
    assert where in error.where
    assert remedy in error.remedy
    assert error.exit_code == 2
    assert "Traceback" not in str(error)
    assert len(str(error).splitlines()) <= 3


SUGGESTED = [
    ["training.batchsize=8"], ["trainng.batch_size=8"], ["training.batch_size=0"],
    ["training.evaluations=0"], ["training.epochs=abc"], ["optimizer.weight_decay=-1"],
    ["optimizer.name=sgd"], ["optimizer@x=sgd"], ["launcher=slrm"], ["study=a/b"], ["study=.."],
    ["sweep.objectives=[acuracy]"], ["sweep.objectives=[]"], ["sweep.objectives=[f1,f1]"],
    ["sweep.constraints={val_acuracy: '>= 0.5'}"], ["sweep.constraints={val_accuracy: high}"],
    ["sweep.objectives=[val_accuracy,examples_per_second]", "sampler=cmaes"],
    ["sweep.constraints={val_accuracy: '>= 0.5'}", "pruner=median"],
    ['data.label_separator="|"'], ["task=regression", "training.label_smoothing=0.1"],
    ["tracking.register=best", "tracking.log_model=false"],
    ["data=json", "data.train=rows.json", "data.delimiter=tab"],
    ["schedule=interval(0,1)"], ["sweep.n_trials=0"], ["training.batch_size=interval(8,64)"],
]  # fmt: skip


@pytest.mark.parametrize("arguments", SUGGESTED, ids=" ".join)
def test_the_suggested_override_is_accepted(arguments, tmp_path):
    *others, wrong = ["sweep=lr_search", *arguments]
    with pytest.raises(InputError) as caught:
        check_space(compose_sweep([*others, wrong], tmp_path))
    suggested = shlex.split(caught.value.remedy)[0].rstrip(";,:")
    check_space(compose_sweep([*others, suggested], tmp_path))


def test_a_message_reads_like_this(tmp_path):
    with pytest.raises(InputError) as caught:
        compose_sweep(["sweep=lr_search", "optimizer.learning_rte=1"], tmp_path)
    assert str(caught.value) == (
        "there is no key 'optimizer.learning_rte' with optimizer=adamw\n"
        "  where: command line, optimizer.learning_rte=1\n"
        "  try:   optimizer.learning_rate=1"
    )
