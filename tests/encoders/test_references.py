"""Encoders and heads against what torch and transformers compute (see make_references)."""

import numpy as np
import pytest

from tests.encoders.cases import (
    CASES,
    FOLDER,
    GRADIENT_LABELS,
    GRADIENT_ROWS,
    HEADS,
    LABELS,
    coefficients,
    make_family,
    make_inputs,
    make_weights,
    real_tokens,
)
from tuner.encoders import Forward, Inputs, Weights

pytestmark = pytest.mark.tf

ALL = [(name, case) for name, cases in CASES.items() for case in cases]
WITH_GRADIENTS = [(name, next(iter(cases))) for name, cases in CASES.items()]


@pytest.fixture(scope="module", params=ALL, ids=" ".join)
def case(request):
    """Family, head, inputs, variables, and the figures of torch."""
    import tensorflow as tf

    name, case = request.param
    family = make_family(name, case)
    head = family.sequence_classifier(LABELS)
    weights = make_weights([*family.parameters(), *head.parameters])
    with np.load(FOLDER / f"{name}.npz") as stored:
        start = f"{case}: "
        figures = {k.removeprefix(start): stored[k] for k in stored if k.startswith(start)}
    arrays = make_inputs(family)
    variables = Weights({key: tf.Variable(value) for key, value in weights.items()})
    return family, head, arrays, variables, figures


class Through:
    """Dropout that lets everything through, and notes how much it is given."""

    def __init__(self):
        self.seen = []

    def drop(self, x):
        self.seen.append(float(np.abs(x).sum()))
        return x

    def repeatable(self, function):
        return function


def run(case, forward, rows=slice(None)):
    """Hidden states and logits."""
    import tensorflow as tf

    family, head, arrays, variables, _ = case
    inputs = Inputs(**{key: tf.constant(value[rows]) for key, value in arrays.items()})
    hidden = family.encode(inputs, variables, forward)
    return hidden, head.apply(hidden, inputs, variables, forward)


def test_hidden_states_and_logits_are_those_of_torch(case):
    hidden, logits = run(case, Forward())
    figures = case[-1]
    real = np.asarray(hidden)[real_tokens(case[2])]
    np.testing.assert_allclose(real, figures["hidden"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(logits, figures["logits"], rtol=0, atol=1e-5)


def test_dropout_is_where_torch_has_it(case):
    through = Through()
    run(case, Forward(dropout=through), rows=slice(1))
    np.testing.assert_allclose(through.seen, case[-1]["dropouts"], rtol=1e-5)


@pytest.mark.parametrize("case", WITH_GRADIENTS, indirect=True, ids=" ".join)
@pytest.mark.parametrize("rematerialize", [False, True], ids=["kept", "computed again"])
def test_gradients_are_those_of_torch(case, rematerialize):
    import tensorflow as tf

    variables, figures = case[-2:]
    expected = {k.removeprefix("gradient "): v for k, v in figures.items() if "gradient" in k}
    forward = Forward(dropout=Through() if rematerialize else None, rematerialize=rematerialize)
    with tf.GradientTape() as tape:
        _, logits = run(case, forward)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=GRADIENT_LABELS, logits=tf.gather(logits, GRADIENT_ROWS)
        )
        loss = tf.reduce_mean(losses)
    zero = tf.UnconnectedGradients.ZERO
    found = tape.gradient(loss, dict(variables), unconnected_gradients=zero)
    assert found.keys() == expected.keys()
    largest = max(np.abs(gradient).max() for gradient in expected.values())
    for name, gradient in found.items():
        difference = np.abs(tf.convert_to_tensor(gradient) - expected[name]).max()
        assert difference <= 1e-5 * largest, name


@pytest.fixture(scope="module")
def heads():
    """Figures of torch for the heads beside that of the sequence classifier."""
    with np.load(FOLDER / "heads.npz") as stored:
        return dict(stored)


@pytest.mark.parametrize("kind", HEADS, ids=lambda kind: kind.name)
@pytest.mark.parametrize(("name", "case"), ALL)
def test_other_heads_are_those_of_torch(heads, name, case, kind):
    import tensorflow as tf

    family = make_family(name, case)
    head = family.head(kind, LABELS)
    start = f"{name} {case} {kind.name}: "
    figures = {k.removeprefix(start): v for k, v in heads.items() if k.startswith(start)}
    weights = make_weights([*family.parameters(), *head.parameters])
    variables = Weights({key: tf.Variable(value) for key, value in weights.items()})
    arrays, through = make_inputs(family), Through()
    run((family, head, arrays, variables, None), Forward(dropout=through), rows=slice(1))
    np.testing.assert_allclose(through.seen, figures["dropouts"], rtol=1e-5)
    with tf.GradientTape() as tape:
        _, outputs = run((family, head, arrays, variables, None), Forward())
        factors = coefficients(figures["outputs"].shape, arrays)
        total = tf.reduce_sum(outputs * factors)
    real = np.any(factors, axis=-1, keepdims=True)
    expected = figures["outputs"]
    np.testing.assert_allclose(outputs * real, expected * real, rtol=0, atol=1e-5)
    slopes = {k.removeprefix("gradient "): v for k, v in figures.items() if "gradient" in k}
    assert bool(slopes) == ((name, case) in WITH_GRADIENTS)
    if slopes:
        found = tape.gradient(total, {key: variables[key] for key in slopes})
        largest = max(np.abs(slope).max() for slope in slopes.values())
        for key, slope in slopes.items():
            difference = np.abs(tf.convert_to_tensor(found[key]) - slope).max()
            assert difference <= 1e-5 * largest, key


@pytest.mark.parametrize(("name", "option"), [each for each in ALL if each not in WITH_GRADIENTS])
def test_each_option_shows(name, option):
    first = next(iter(CASES[name]))
    with np.load(FOLDER / f"{name}.npz") as stored:
        plain, changed = stored[f"{first}: logits"], stored[f"{option}: logits"]
    # Another name of the default; a type that nothing has; rows that no distance uses.
    same = option in ("gelu_python", "one type", "more rows")
    assert np.array_equal(plain, changed) if same else np.abs(plain - changed).max() > 1e-4
