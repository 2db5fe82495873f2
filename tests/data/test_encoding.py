"""AutoTokenizer of an exported folder encodes as training did, field by field."""

import dataclasses
import json
import subprocess
import sys

import pytest
from tokenizers import Tokenizer

from tests.tiny_checkpoints import MODEL_TYPES, write_checkpoint, write_reviews
from tuner.checkpoints import inspect
from tuner.data import encoding_check, prepare
from tuner.data.checkpoint_tokenizer import load_tokenizer, save_tokenizer
from tuner.data.encoding_check import Row, check_encoding, first_difference, hard_pairs, hard_texts
from tuner.data.tokenizer import find_layout, tokenize
from tuner.errors import InputError
from tuner.settings.settings import DataSettings, ModelSettings
from tuner.tasks import Classification

MAX_LENGTH = 16
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True}
BYTE_LEVEL |= {"use_regex": True}
PUNCTUATION = {"type": "Sequence", "pretokenizers": [
    {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
    {"type": "Punctuation", "behavior": "Isolated"},
]}  # fmt: skip
MASK = {"content": "[MASK]", "lstrip": True, "rstrip": False, "single_word": False}
MASK |= {"normalized": False, "special": True}
FILM = {"content": "Film", "lstrip": False, "rstrip": False, "single_word": True}
FILM |= {"normalized": False, "special": False}
CUT = {"direction": "Left", "max_length": 8, "strategy": "OnlyFirst", "stride": 2}
PADDED = {"strategy": {"Fixed": 20}, "direction": "Left", "pad_to_multiple_of": None}
PADDED |= {"pad_id": 3, "pad_type_id": 1, "pad_token": "x"}


def edit(path, change):
    """Writes a JSON file anew as `change` makes it."""
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(change(content)))


def normalizer(**fields):
    return lambda file: file | {"normalizer": file["normalizer"] | fields}


def has(**fields):
    return lambda file: file | fields


def lacks(*keys):
    return lambda file: {key: value for key, value in file.items() if key not in keys}


TOKENIZER, CONFIG = "tokenizer.json", "tokenizer_config.json"
VARIANTS = {
    **{f"{each}": (each, {}) for each in MODEL_TYPES},
    **{f"{each} left": (each, {CONFIG: has(truncation_side="left")}) for each in MODEL_TYPES},
    **{f"{each} bare": (each, {TOKENIZER: has(post_processor=None)}) for each in MODEL_TYPES},
    "roberta byte level": ("roberta", {TOKENIZER: has(post_processor=BYTE_LEVEL)}),
    "keeps case": (
        "bert",
        {TOKENIZER: normalizer(lowercase=False), CONFIG: lacks("do_lower_case")},
    ),
    "told to lower": ("bert", {TOKENIZER: normalizer(lowercase=False)}),
    "told to keep case": ("distilbert", {CONFIG: has(do_lower_case=False)}),
    "told to keep accents": ("bert", {CONFIG: has(strip_accents=False)}),
    "told to split at punctuation": (
        "deberta-v2",
        {CONFIG: has(split_by_punct=True), TOKENIZER: has(pre_tokenizer=PUNCTUATION)},
    ),
    "told to join characters": ("bert", {CONFIG: has(tokenize_chinese_chars=False)}),
    "plain class": ("bert", {CONFIG: has(tokenizer_class="PreTrainedTokenizerFast")}),
    "plain class of ALBERT": ("albert", {CONFIG: has(tokenizer_class="PreTrainedTokenizerFast")}),
    "no types": ("bert", {CONFIG: has(model_input_names=["input_ids", "attention_mask"])}),
    "no types for ALBERT": ("albert", {CONFIG: has(model_input_names=["input_ids"])}),
    "types for DistilBERT": (
        "distilbert",
        {CONFIG: has(model_input_names=["input_ids", "token_type_ids", "attention_mask"])},
    ),
    "padded on the left": ("bert", {CONFIG: has(padding_side="left")}),
    "cut and padded by the file": ("bert", {TOKENIZER: has(truncation=CUT, padding=PADDED)}),
    "no added tokens": ("bert", {TOKENIZER: has(added_tokens=[])}),
    "split special tokens": ("bert", {CONFIG: has(split_special_tokens=True)}),
    "tokens with flags": ("bert", {CONFIG: has(added_tokens_decoder={"4": MASK, "97": FILM})}),
    "with a prefix": ("roberta", {CONFIG: has(add_prefix_space=True)}),
    "without a prefix": ("xlm-roberta", {CONFIG: has(add_prefix_space=False)}),
    "no tokenizer_config": ("bert", {CONFIG: lambda _: {}}),
    "roles elsewhere": (
        "bert",
        {
            CONFIG: lambda _: {},
            "special_tokens_map.json": lambda _: {"cls_token": "[CLS]", "mask_token": MASK},
        },
    ),
}
"""Architecture and changes to its files of each case."""

READ = """\
import json, sys
from transformers import AutoTokenizer
texts, pairs, length, *folders = json.load(sys.stdin)
out = {}
for folder in folders:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    one = tokenizer(texts, truncation=True)
    two = tokenizer([a for a, _ in pairs], [b for _, b in pairs], truncation=True)
    padded = tokenizer(texts[:6], truncation=True, padding=True)
    out[folder] = [dict(each) for each in (one, two, padded)]
print(json.dumps(out))
"""


def write_variant(folder, name):
    model_type, changes = VARIANTS[name]
    # A token more than the tokenizer has, for one that is added.
    write_checkpoint(folder, model_type, vocab=700)
    for file, change in changes.items():
        edit(folder / file, change)
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Case to its tokenizer and to what AutoTokenizer gives of its exported folder."""
    root = tmp_path_factory.mktemp("exports")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNER_CACHE", str(root / "cache"))
        tokenizers = {
            name: load_tokenizer(inspect(write_variant(root / "from" / name, name)))
            for name in VARIANTS
        }
    folders = {name: root / "to" / name for name in VARIANTS}
    for name, folder in folders.items():
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps({"model_type": VARIANTS[name][0]}))
        save_tokenizer(folder, tokenizers[name], MAX_LENGTH)
    request = [hard_texts(MAX_LENGTH), hard_pairs(MAX_LENGTH), MAX_LENGTH]
    done = subprocess.run(
        [sys.executable, "-c", READ],
        input=json.dumps([*request, *map(str, folders.values())]).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    answer = json.loads(done.stdout)
    return {name: (tokenizers[name], answer[str(folders[name])]) for name in VARIANTS}


def rows_of(tokenizer, texts, pairs=None):
    """Ids and types of each row as training is fed them."""
    found = tokenize(tokenizer, texts, pairs, MAX_LENGTH)
    ends = found.lengths.cumsum().tolist()
    spans = list(zip([0, *ends[:-1]], ends, strict=True))
    ids = [found.ids[start:end].tolist() for start, end in spans]
    return ids, [found.type_ids[start:end].tolist() for start, end in spans]


@pytest.mark.parametrize("name", VARIANTS)
def test_an_export_gives_the_ids_types_and_mask_of_training(exported, name):
    tokenizer, (one, two, padded) = exported[name]
    ids, types = rows_of(tokenizer, hard_texts(MAX_LENGTH))
    assert one["input_ids"] == ids
    firsts, seconds = zip(*hard_pairs(MAX_LENGTH), strict=True)
    pair_ids, pair_types = rows_of(tokenizer, firsts, seconds)
    assert two["input_ids"] == pair_ids
    assert max(map(len, pair_ids)) == MAX_LENGTH
    assert one["attention_mask"] == [[1] * len(row) for row in ids]
    fed = tokenizer.token_types
    assert ("token_type_ids" in one) == fed == ("token_type_ids" in two)
    if fed:
        assert (one["token_type_ids"], two["token_type_ids"]) == (types, pair_types)
        assert {1} < {kind for row in pair_types for kind in row}
    longest = max(map(len, padded["input_ids"]))
    for row, mask, own in zip(padded["input_ids"], padded["attention_mask"], ids, strict=False):
        filled = longest - len(own)
        assert row == own + [tokenizer.pad_id] * filled
        assert mask == [1] * len(own) + [0] * filled


def words(tokenizer, *texts):
    """Tokens of a row, special ones among them."""
    ids, _ = rows_of(tokenizer, texts[:1], texts[1:] or None)
    return [tokenizer.backend.id_to_token(number) for number in ids[0]]


def test_case_is_that_of_tokenizer_json_unless_a_field_says_otherwise(exported):
    kept, lowered, told = (
        words(exported[name][0], "The film")
        for name in ("keeps case", "told to lower", "told to keep case")
    )
    assert kept == ["[CLS]", "[UNK]", "film", "[SEP]"] == told
    assert lowered == ["[CLS]", "the", "film", "[SEP]"]


def test_accents_and_characters_follow_their_fields(exported):
    assert words(exported["bert"][0], "é")[1] == "e"
    assert words(exported["told to keep accents"][0], "é")[1] == "[UNK]"
    assert len(words(exported["bert"][0], "电影")) == 4
    assert len(words(exported["told to join characters"][0], "电影")) == 3


@pytest.mark.parametrize("name", ["bert left", "cut and padded by the file"])
def test_a_text_is_cut_on_the_side_that_the_files_name(exported, name):
    text = " ".join(["the"] * 20 + ["film"])
    assert words(exported[name][0], text)[-2:] == ["film", "[SEP]"]
    assert words(exported["bert"][0], text)[-2:] == ["the", "[SEP]"]


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_special_tokens_stand_around_texts_where_the_file_adds_none(exported, model_type):
    tokenizer, bare = (exported[name][0] for name in (model_type, f"{model_type} bare"))
    for texts in (["the film"], ["the film", "was good"]):
        assert words(bare, *texts) == words(tokenizer, *texts)
    assert not tokenizer.notes
    assert len(bare.notes) == 1
    layouts = [find_layout(each, pairs=True) for each in (tokenizer, bare)]
    assert layouts[0] == layouts[1]


def test_added_tokens_follow_their_flags(exported):
    tokenizer = exported["tokens with flags"][0]
    assert words(tokenizer, "the [MASK] Film") == ["[CLS]", "the", "[MASK]", "Film", "[SEP]"]
    split = words(exported["split special tokens"][0], "the [SEP]")
    assert split.count("[SEP]") == 1
    assert words(exported["no added tokens"][0], "[SEP]") == ["[CLS]", "[SEP]", "[SEP]"]


def test_prefix_spaces_follow_their_field(exported):
    assert words(exported["roberta"][0], "film") == ["<s>", "film", "</s>"]
    assert words(exported["with a prefix"][0], "film") == ["<s>", "Ġfilm", "</s>"]
    assert words(exported["xlm-roberta"][0], "film") == ["<s>", "▁film", "</s>"]
    assert words(exported["without a prefix"][0], "film")[1] != "▁film"


REFUSED = {
    "truncation_side": ("bert", {CONFIG: has(truncation_side="middle")}),
    "do_lower_case": ("bert", {CONFIG: has(do_lower_case="no")}),
    "do_lower_case against no normalizer": ("bert", {TOKENIZER: has(normalizer=None)}),
    "do_lower_case of ALBERT": ("albert", {CONFIG: has(do_lower_case=False)}),
    "do_lower_case of DeBERTa": ("deberta-v2", {CONFIG: has(do_lower_case=False)}),
    "split_by_punct": ("deberta-v2", {CONFIG: has(split_by_punct=True)}),
    "split_by_punct against a pre-tokenizer": (
        "deberta-v2",
        {CONFIG: has(split_by_punct=False), TOKENIZER: has(pre_tokenizer=PUNCTUATION)},
    ),
    "keep_accents": ("albert", {CONFIG: has(keep_accents=False)}),
    "model_input_names": ("bert", {CONFIG: has(model_input_names="input_ids")}),
    "added_tokens_decoder": ("bert", {CONFIG: has(added_tokens_decoder={"x": MASK})}),
    "cls_token": ("bert", {CONFIG: has(cls_token=7)}),
    "fast_tokenizer_files": (
        "bert",
        {CONFIG: has(fast_tokenizer_files=["tokenizer.json", "tokenizer.4.json"])},
    ),
    "post_processor": (
        "bert",
        {
            TOKENIZER: lambda file: (
                file
                | {"post_processor": None, "added_tokens": []}
                | {"model": file["model"] | {"vocab": {"[UNK]": 0, "a": 1}}}
            ),
        },
    ),
    "ids up to 98": ("bert", {"added_tokens.json": has(**{"<url>": 98})}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_followed_is_refused_by_name(tmp_path, name):
    model_type, changes = REFUSED[name]
    folder = write_checkpoint(tmp_path, model_type)
    for file, change in changes.items():
        edit(folder / file, change)
    with pytest.raises(InputError) as caught:
        load_tokenizer(inspect(folder))
    assert name.split(" of ")[0].split(" against ")[0] in str(caught.value)
    assert caught.value.where
    assert caught.value.remedy


@pytest.mark.parametrize("file", [CONFIG, "special_tokens_map.json", "added_tokens.json"])
@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_malformed_file_is_refused_at_the_start(tmp_path, file, content):
    folder = write_checkpoint(tmp_path)
    (folder / file).write_text(content)
    with pytest.raises(InputError, match=file):
        load_tokenizer(inspect(folder))


def write_pair_template(folder, pair, single="[CLS] $A [SEP]"):
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    from tokenizers.processors import TemplateProcessing

    tokenizer.post_processor = TemplateProcessing(
        single=single, pair=pair, special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / TOKENIZER))


@pytest.mark.parametrize(
    ("model_type", "pair", "config", "problem"),
    [
        ("bert", "[CLS] $A $B [SEP]", {}, "no separator between two texts"),
        ("bert", "[CLS] $A [SEP] $B:2 [SEP]:2", {}, "token types up to 2, but"),
        ("bert", "[CLS] $A [SEP] $B:1", {"type_vocab_size": 1}, "token types up to 1, but"),
    ],
)
def test_pairs_that_the_model_cannot_tell_apart_are_refused(
    tmp_path, model_type, pair, config, problem
):
    folder = write_checkpoint(tmp_path, model_type)
    write_pair_template(folder, pair)
    info = with_types(inspect(folder), config.get("type_vocab_size", 2))
    tokenizer = load_tokenizer(info)
    assert find_layout(tokenizer, pairs=False).special_tokens == 2
    with pytest.raises(InputError, match=problem):
        find_layout(tokenizer, pairs=True)


def with_types(info, count):
    """The checkpoint with so many token types."""
    family = dataclasses.replace(info.family, type_vocab_size=count)
    return dataclasses.replace(info, family=family)


def test_types_that_a_roberta_would_be_fed_are_refused(tmp_path):
    folder = write_checkpoint(tmp_path, "roberta")
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    from tokenizers.processors import TemplateProcessing

    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> $B:1 </s>:1",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    tokenizer.save(str(folder / TOKENIZER))
    info = inspect(folder)
    find_layout(load_tokenizer(info), pairs=True)  # No type but 0 reaches the model.
    edit(folder / CONFIG, has(model_input_names=["input_ids", "token_type_ids"]))
    with pytest.raises(InputError, match="model_input_names"):
        find_layout(load_tokenizer(with_types(info, 2)), pairs=True)


def test_merges_are_not_left_out_by_chance(tmp_path):
    folder = write_checkpoint(tmp_path, "roberta")
    edit(folder / TOKENIZER, lambda file: file | {"model": file["model"] | {"dropout": 0.9}})
    tokenizer = load_tokenizer(inspect(folder))
    assert words(tokenizer, "wonderful")[1:-1] == ["wonderful"]
    assert "dropout" in tokenizer.notes[0]


def test_the_report_says_what_transformers_reads_otherwise(tmp_path):
    folder = write_checkpoint(tmp_path / "model")
    edit(folder / TOKENIZER, normalizer(lowercase=False))
    edit(folder / CONFIG, lacks("do_lower_case"))
    edit(folder / TOKENIZER, has(post_processor=None))
    data = DataSettings(format="csv", train=str(write_reviews(tmp_path / "train.csv", 40)))
    prepared = prepare(
        data, ModelSettings(checkpoint=str(folder), max_length=MAX_LENGTH), Classification()
    )
    bare, differs = prepared.report.notes
    assert "adds no special tokens" in bare
    assert "AutoTokenizer reads this checkpoint differently" in differs


def test_an_export_that_would_read_otherwise_is_refused_before_data_is_prepared(
    tmp_path, monkeypatch
):
    """An exported folder that lowers case where training kept it, as once was written."""

    def save(folder, tokenizer, max_length):
        save_tokenizer(folder, tokenizer, max_length)
        edit(folder / CONFIG, lambda file: file | {"tokenizer_class": "BertTokenizer"})
        edit(folder / CONFIG, lacks("do_lower_case"))

    monkeypatch.setattr(encoding_check, "save_tokenizer", save)
    folder = write_checkpoint(tmp_path / "model")
    edit(folder / CONFIG, has(do_lower_case=False))
    data = DataSettings(format="csv", train=str(write_reviews(tmp_path / "train.csv", 40)))
    with pytest.raises(InputError, match="would not encode texts like training"):
        prepare(data, ModelSettings(checkpoint=str(folder), max_length=17), Classification())


def test_the_comparison_is_made_once_for_a_tokenizer_and_length(tmp_path, monkeypatch):
    tokenizer = load_tokenizer(inspect(write_checkpoint(tmp_path, "roberta")))
    assert check_encoding(tokenizer, MAX_LENGTH) == []
    monkeypatch.setattr(encoding_check, "READER", tmp_path / "absent.py")
    assert check_encoding(tokenizer, MAX_LENGTH) == []
    with pytest.raises(InputError, match=r"absent\.py"):
        check_encoding(tokenizer, MAX_LENGTH + 1)
    monkeypatch.setattr(encoding_check, "FORMAT_VERSION", 0)
    with pytest.raises(InputError, match=r"absent\.py"):
        check_encoding(tokenizer, MAX_LENGTH)


def test_rows_differ_by_ids_types_and_mask():
    row = Row(ids=(1, 2), types=(0, 1), mask=(1, 1))
    for other in (
        dataclasses.replace(row, types=(0, 0)),
        dataclasses.replace(row, mask=(1, 0)),
    ):
        assert first_difference([row, row], [row, other], ids_only=False) == 1
        assert first_difference([row, row], [row, other], ids_only=True) is None
    other = dataclasses.replace(row, ids=(1, 3))
    assert first_difference([row, row], [other, row], ids_only=True) == 0
    assert first_difference([row], [row], ids_only=False) is None


@pytest.mark.parametrize(
    ("variant", "departures"),
    [
        *((model_type, ()) for model_type in MODEL_TYPES),
        ("bert left", ("truncation on the left",)),
        ("roberta bare", ("special tokens",)),
        ("told to lower", ("edited",)),
    ],
)
def test_a_study_is_not_continued_with_tokens_that_it_did_not_begin_with(
    tmp_path, monkeypatch, variant, departures
):
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))
    model_type, changes = VARIANTS[variant]
    write_checkpoint(tmp_path / "plain", model_type)
    write_checkpoint(tmp_path / "changed", model_type)
    for name, change in changes.items():
        edit(tmp_path / "changed" / name, change)
    write_reviews(tmp_path / "train.csv", 20, seed=1)
    data = DataSettings(format="csv", train=str(tmp_path / "train.csv"), seed=0)
    plain, changed = (
        prepare(
            data,
            ModelSettings(checkpoint=str(tmp_path / name), max_length=MAX_LENGTH),
            Classification(),
        )
        for name in ("plain", "changed")
    )
    assert load_tokenizer(changed.checkpoint).departures == departures
    assert (plain.fingerprint == changed.fingerprint) == (not departures)
