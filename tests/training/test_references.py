"""Encoders, heads and losses against what transformers and torch compute (see make_references)."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.components import loss_options as options
from tests.tiny_checkpoints import MODEL_TYPES
from tests.training.references import (
    CASES,
    MAX_LENGTH,
    PAIRS,
    POSITION_CASES,
    TEXTS,
    checksum,
    load,
    write_tiny,
)
from tuner.checkpoints import inspect, locate
from tuner.encoders import Forward, Inputs, Weights
from tuner.settings.settings import ModelSettings, PackagedFiles
from tuner.tasks import Classification

pytestmark = pytest.mark.tf

MINILM = Path(__file__).parents[2] / "conf" / "model" / "minilm.yaml"
ORIGINALS = load("encoders.json")
LEAST = 5e-5
"""Difference that every option makes to the logits."""


@pytest.fixture(scope="module", params=CASES)
def case(request, tmp_path_factory):
    """Figures of a case, and the checkpoint that they belong to."""
    folder = write_tiny(tmp_path_factory.mktemp("tiny"), request.param)
    figures = ORIGINALS[request.param]
    if checksum(folder) != pytest.approx(figures["checksum"], rel=1e-7):
        pytest.fail("tests/tiny_checkpoints.py writes other weights: run make_references again")
    return figures, folder


def rows(figures):
    ids, types = (np.array(figures[key], np.int32) for key in ("ids", "types"))
    return ids, types, np.array(figures["lengths"], np.int32)


def with_head(folder):
    """The classifier with the head of the checkpoint."""
    from tuner.training.hugging_face import load_head
    from tuner.training.model import Classifier

    info = inspect(folder)
    model = Classifier(info, 3)
    load_head(model, info)
    return model


def test_with_the_head_of_the_original_the_logits_are_its_own(case):
    import tensorflow as tf

    figures, folder = case
    inputs = (tf.constant(part) for part in rows(figures))
    logits = with_head(folder).logits(*inputs, training=False)
    np.testing.assert_allclose(logits, figures["logits"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("case", [name for name in CASES if " " in name])
def test_the_figures_tell_each_change_from_the_plain_architecture(case):
    plain, changed = (
        np.array(ORIGINALS[name]["logits"]) for name in (case.partition(" ")[0], case)
    )
    if case == "distilbert epsilon":  # transformers does not read it.
        np.testing.assert_array_equal(plain, changed)
    else:
        assert np.abs(plain - changed).max() > LEAST


@pytest.mark.parametrize("name", POSITION_CASES)
def test_positions_count_tokens_that_are_no_padding(name, tmp_path):
    import tensorflow as tf

    figures = load("positions.json")[name]
    folder = write_tiny(tmp_path, name)
    assert checksum(folder) == pytest.approx(figures["checksum"], rel=1e-7)
    info = inspect(folder)
    assert info.family.max_positions == figures["lengths"][0]
    ids, lengths = (tf.constant(figures[key], tf.int32) for key in ("ids", "lengths"))
    logits = with_head(folder).logits(ids, tf.zeros_like(ids), lengths, training=False)
    np.testing.assert_allclose(logits, figures["logits"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_texts_and_pairs_give_the_logits_of_the_original(model_type, tmp_path):
    """From raw texts to logits: tokenizer, token types, positions, encoder and head together."""
    from tuner.training.hugging_face import save_model
    from tuner.training.predictor import Predictor

    figures = load("texts.json")[model_type]
    folder = write_tiny(tmp_path / "source", model_type)
    assert checksum(folder) == pytest.approx(figures["checksum"], rel=1e-7)
    source = Predictor(folder)
    saved = tmp_path / "saved"
    save_model(
        saved, source.classifier, inspect(folder), Classification(), source.labels, MAX_LENGTH
    )
    predictor = Predictor(saved)
    firsts, seconds = zip(*PAIRS, strict=True)
    for name, logits in (
        ("texts", predictor.logits(TEXTS)),
        ("pairs", predictor.logits(firsts, seconds)),
    ):
        np.testing.assert_allclose(logits, figures[name], rtol=0, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("case", ["plain", "smoothed", "weighted", "smoothed and weighted"])
def test_losses_are_those_of_torch(case):
    import tensorflow as tf

    from tuner.tasks.weighted_cross_entropy import WeightedCrossEntropy

    figures = load("losses.json")
    torch, weights = figures[case], figures[case]["weights"]
    logits, labels = np.array(figures["logits"], np.float32), np.array(figures["labels"], np.int32)
    loss = WeightedCrossEntropy(3)
    loss.reset(options(torch["smoothing"], weights))

    def sums(rows):
        return [float(x) for x in loss.sums(tf.constant(logits[rows]), tf.constant(labels[rows]))]

    each = np.array([sums([row]) for row in range(len(labels))])
    np.testing.assert_allclose(each[:, 0], figures["plain"]["each"], rtol=1e-6)
    np.testing.assert_allclose(each[:, 1], torch["each"], rtol=1e-6)
    whole = sums(slice(None))[1] / loss.total_weight(labels)
    assert whole == pytest.approx(torch["mean"], rel=1e-6)


def test_the_default_model_is_that_of_transformers():
    from tuner.data.checkpoint_tokenizer import load_tokenizer
    from tuner.data.tokenizer import tokenize
    from tuner.training.model import Classifier

    figures = load("minilm.json")
    option = yaml.safe_load(MINILM.read_text(encoding="utf-8"))
    package = PackagedFiles(**option["package"])
    info = inspect(locate(ModelSettings(checkpoint=option["checkpoint"], package=package)))
    lengths = np.array(figures["lengths"])
    ids = np.array(figures["ids"], np.int32)
    tokens = tokenize(load_tokenizer(info), figures["sentences"], None, 128)
    assert tokens.lengths.tolist() == lengths.tolist()
    real = np.arange(ids.shape[1]) < lengths[:, None]
    assert tokens.ids.tolist() == ids[real].tolist()

    model = Classifier(info, 2)
    weights = Weights((v.path, v.value) for v in model.variables)
    inputs = Inputs(ids=ids, types=np.zeros_like(ids), lengths=lengths)
    hidden = np.asarray(info.family.encode(inputs, weights, Forward()))
    pooler = weights.at("bert.pooler.dense")
    pooled = np.tanh(hidden[:, 0] @ pooler["weight"].numpy().T + pooler["bias"].numpy())
    mean = (hidden * real[..., None]).sum(axis=1) / lengths[:, None]
    made = {
        "first": hidden[:, 0],
        "last": hidden[np.arange(len(lengths)), lengths - 1],
        "mean": mean,
        "pooled": pooled,
    }
    for name, values in made.items():
        expected = np.array(figures[name])
        np.testing.assert_allclose(
            values[:, : expected.shape[1]], expected, rtol=0, atol=1e-5, err_msg=name
        )
