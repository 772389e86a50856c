"""Sound checkpoints of every kind load whole and answer; what one lacks is named, unless it can be computed."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from harness.models import base_model
from harness.models.family import Encoded
from harness.run import soundness
from harness.spec.errors import ModelError, SuiteError
from harness.spec.suite import Evaluation, ModelTable, TaskTable
from harness.tasks.data import Example
from harness.tasks.task import prepare, prompt_of
from harness.training import decoding
from support import checkpoints

CPU = torch.device("cpu")
SUITES = Evaluation(max_new_tokens=4)
LANGUAGES = {"mbart50": "en_XX", "m2m100": "__en__", "nllb": "eng_Latn"}  # that a tokenizer writes without being asked
PROMPT = prompt_of(TaskTable(name="dialogsum")).fill("#Person1#: Hello, I would like a haircut.\n#Person2#: Of course.")

pytestmark = pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")


@pytest.fixture(scope="module")
def texts(rows):
    """What vocabularies are made from."""
    return [text for row in rows for text in (PROMPT, row["dialogue"], row["summary"])]


@pytest.fixture(scope="module")
def saved(texts, tmp_path_factory):
    """``saved(kind)``: a checkpoint folder of that kind; read only."""
    folder = tmp_path_factory.mktemp("checkpoints")
    return lambda kind: folder / kind if (folder / kind).exists() else checkpoints.save(kind, folder / kind, texts)


@pytest.fixture
def changed(saved, tmp_path):
    """``changed(kind, change)``: a copy of a checkpoint whose tensors ``change`` has been given."""

    def change_tensors(kind, change):
        folder = shutil.copytree(saved(kind), tmp_path / kind)
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return folder

    return change_tensors


@pytest.fixture(scope="module")
def checked(rows):
    """``checked(base)``: the notices about a base model, on rows that are short enough for each of them."""
    known = [Example(row["id"], row["dialogue"], row["summary"]) for row in rows]
    splits = {"train": known[:8], "test": known[8:12]}
    table = TaskTable(name="dialogsum", data="here", max_source_tokens=200, max_target_tokens=64)
    return lambda base: soundness.check(base, prepare(table, splits, base.family), SUITES, "mine")


def load(folder):
    return base_model.load(ModelTable(name=str(folder)), CPU, SUITES)


def put(path, **keys):
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


@pytest.mark.parametrize("kind", checkpoints.KINDS)
def test_every_kind_of_checkpoint_loads_whole_and_answers(kind, saved):
    base, original = load(saved(kind)), AutoModel.from_pretrained(saved(kind))
    ids = base.tokenizer(PROMPT, return_tensors="pt")["input_ids"]
    assert base.tokenizer.unk_token_id not in ids
    theirs, ours = (model.eval().get_encoder()(ids).last_hidden_state for model in (original, base.model))
    torch.testing.assert_close(ours, theirs)
    assert len(decoding.generate(base.model, base.family, [PROMPT, "Hello."], max_new_tokens=4)) == 2


@pytest.mark.parametrize(
    ("kind", "stored", "named"),
    [
        ("mt5", "decoder.block.1.layer.2.DenseReluDense.wo.weight", None),
        ("byt5", "shared.weight", "shared.weight"),
        ("bart", "model.encoder.layernorm_embedding.weight", None),  # ones, if nobody looks
        ("bart", "model.decoder.layers.0.fc1.bias", None),  # zeros
        ("bart", "model.encoder.embed_positions.weight", None),  # learned, unlike those that are computed
        (
            "bart_model",
            "decoder.layers.1.encoder_attn.k_proj.weight",
            "model.decoder.layers.1.encoder_attn.k_proj.weight",
        ),
        ("mbart", "model.encoder.layer_norm.bias", None),
        ("m2m100", "model.shared.weight", None),
        ("marian", "model.decoder.layers.1.final_layer_norm.weight", None),
        ("pegasus", "model.decoder.layer_norm.bias", None),
    ],
)
def test_a_trained_tensor_that_is_missing_is_named(kind, stored, named, changed):
    with pytest.raises(
        ModelError, match=rf"the checkpoint has no tensor \S*{named or stored}, which would keep random values"
    ):
        load(changed(kind, lambda tensors: tensors.pop(stored)))


def test_a_bias_of_zeros_that_nobody_trains_may_be_missing(changed):
    model = load(changed("bart", lambda tensors: tensors.pop("final_logits_bias"))).model
    assert not model.final_logits_bias.any()


def test_positions_that_are_computed_may_be_missing(changed, saved):
    positions = [f"model.{side}.embed_positions.weight" for side in ("encoder", "decoder")]
    model = load(changed("pegasus", lambda tensors: [tensors.pop(name) for name in positions])).model
    original = load_file(saved("pegasus") / "model.safetensors")
    assert all(torch.equal(model.get_parameter(name), original[name]) for name in positions)


def test_positions_that_a_checkpoint_holds_are_its_own(changed):
    held = torch.full((256, 32), 0.5)
    name = "model.encoder.embed_positions.weight"
    model = load(changed("marian", lambda tensors: tensors.update({name: held}))).model
    assert torch.equal(model.get_parameter(name), held)


@pytest.mark.parametrize("missing", ["lm_head.weight", "shared.weight"])
def test_an_embedding_is_not_the_output_projection_where_the_configuration_says_so(missing, changed):
    def untie(tensors):
        tensors["lm_head.weight"] = torch.randn(512, 32)
        del tensors[missing]

    folder = changed("mt5", untie)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": False}))
    with pytest.raises(ModelError, match=rf"the checkpoint has no tensor {missing}, which would keep random values"):
        load(folder)


@pytest.mark.parametrize(
    ("kind", "file", "reads"),
    [
        ("t5", "spiece.model", "T5Tokenizer needs tokenizer.json or spiece.model"),
        ("mbart", "sentencepiece.bpe.model", "MBartTokenizer needs tokenizer.json or sentencepiece.bpe.model"),
        ("bart", "merges.txt", r"tokenizer that transformers makes from vocab.json does not work: .*`merges` must be"),
        ("marian", "target.spm", r"tokenizer that transformers makes from source.spm, vocab.json does not work"),
    ],
)
def test_a_file_of_the_vocabulary_that_is_missing_is_named(kind, file, reads, saved, tmp_path):
    folder = shutil.copytree(saved(kind), tmp_path / kind)
    (folder / file).unlink()
    with pytest.raises(ModelError, match=reads):
        load(folder)


def test_a_tokenizer_that_does_not_know_its_own_language_tokens_is_refused(saved, tmp_path):
    folder = shutil.copytree(saved("mbart"), tmp_path / "nllb")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "NllbTokenizer"}))
    with pytest.raises(
        ModelError, match=r"sentencepiece\.bpe\.model does not know the special tokens that it adds to a text"
    ):
        load(folder)


# How an answer begins, and how it ends


def test_a_tokenizer_that_ends_no_text_has_its_targets_ended_and_begun_as_the_decoder_begins(saved):
    family = load(saved("t5gemma")).family
    written = family.tokenizer("Hello.", add_special_tokens=False)["input_ids"]
    assert family.prompt_ids(["Hello."]) == [[family.tokenizer.bos_token_id, *written]]
    assert family.target_ids(["Hello."], 64) == ([[*written, family.tokenizer.eos_token_id]], 0.0)


def test_its_targets_end_also_where_they_are_cut(saved):
    family = load(saved("t5gemma")).family
    end = family.tokenizer.eos_token_id
    whole = family.tokenizer(PROMPT, add_special_tokens=False)["input_ids"]
    assert len(whole) > 3
    assert family.target_ids([PROMPT, ""], 3) == ([[*whole[:2], end], [end]], 0.5)
    with pytest.raises(SuiteError, match=r"task\.max_target_tokens: 1 leaves no room .* adds 1 to every text"):
        family.target_ids([PROMPT], 1)


@pytest.mark.parametrize("kind", [kind for kind in checkpoints.KINDS if kind != "t5gemma"])
def test_any_other_tokenizer_has_its_targets_as_it_makes_them(kind, saved):
    family = load(saved(kind)).family
    targets = [PROMPT, "Hello."]
    assert family.target_ids(targets, 999) == (family.tokenizer(text_target=targets)["input_ids"], 0.0)
    assert family.end is None


def test_a_model_whose_tokenizer_ends_no_text_learns_to_stop(saved, checked):
    base = load(saved("t5gemma"))
    model, family = base.model, base.family
    start = base.tokenizer.bos_token_id
    assert (model.config.decoder_start_token_id, model.generation_config.decoder_start_token_id) == (start, start)
    assert checked(base) == []
    (prompt,), ((target,), _) = family.prompt_ids(["Of course."]), family.target_ids(["Hello."], 16)
    batch = family.batch([Encoded(torch.tensor(prompt), torch.tensor(target))])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(60):
        model(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert decoding.generate(model, family, ["Of course."], max_new_tokens=40) == ["Hello."]


@pytest.mark.parametrize(("kind", "language"), LANGUAGES.items())
def test_a_multilingual_model_answers_in_the_language_that_its_targets_begin_with(kind, language, saved, checked):
    base = load(saved(kind))
    first = base.tokenizer.convert_tokens_to_ids(language)
    ((target,), _) = base.family.target_ids(["Hello."], 64)
    assert (target[0], target[-1]) == (first, base.tokenizer.eos_token_id)
    answers = base.family.answers(base.model, base.family.prompt_ids([PROMPT, "Hello."]), max_new_tokens=3)
    assert answers[:, 0].tolist() == [first, first]
    own = base_model.own_settings(ModelTable(name=str(saved(kind))), SUITES, base.family.first)
    assert own.used == {"forced_bos_token_id": first}
    assert [notice for notice in checked(base) if f"answers begin with '{language}', the language" in notice]


def test_a_tokenizer_that_names_another_language_writes_that_one(saved, tmp_path):
    folder = shutil.copytree(saved("nllb"), tmp_path / "nllb")
    put(folder / "tokenizer_config.json", tgt_lang="deu_Latn")
    base = load(folder)
    german = base.tokenizer.convert_tokens_to_ids("deu_Latn")
    assert base.model.generation_config.forced_bos_token_id == base.family.target_ids(["Hallo."], 64)[0][0][0] == german
    assert base.family.prompt_ids(["Hello."])[0][0] == base.tokenizer.convert_tokens_to_ids("eng_Latn")


def test_an_mbart_must_answer_in_the_language_with_which_its_targets_end(saved, checked, tmp_path):
    base = load(saved("mbart"))
    english = base.tokenizer.convert_tokens_to_ids("en_XX")
    assert (base.family.target_ids(["Hello."], 64)[0][0][-1], base.family.first) == (english, None)
    with pytest.raises(ModelError, match=rf"begins a target with 'en_XX', .* with '</s>'; set .* to {english} in its"):
        checked(base)
    folder = shutil.copytree(saved("mbart"), tmp_path / "mbart")
    for name in ("config.json", "generation_config.json"):
        put(folder / name, decoder_start_token_id=english)
    assert checked(load(folder)) == []


def test_texts_are_filled_and_cut_at_their_ends_whatever_the_checkpoint_says(saved, tmp_path):
    folder = shutil.copytree(saved("byt5"), tmp_path / "byt5")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    sides = {"padding_side": "left", "truncation_side": "left"}
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, **sides}))
    tokenizer = load(folder).tokenizer
    assert tokenizer(["a", "bcd"], padding=True)["input_ids"][0] == [100, 1, 0, 0]
    assert tokenizer("bcd", truncation=True, max_length=2)["input_ids"] == [101, 1]
