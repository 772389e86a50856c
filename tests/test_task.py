"""A task asks at the test what it trained on, cuts dialogues only, and its batches hold every row once an epoch."""

import random
from copy import deepcopy
from dataclasses import replace
from itertools import islice
from random import Random

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import normalizers
from transformers import ByT5Tokenizer, T5Tokenizer

from harness.models.family import Encoded
from harness.models.seq2seq import Seq2SeqFamily, collate
from harness.spec.errors import DataError, SuiteError
from harness.spec.suite import TaskTable
from harness.tasks import data, prepared
from harness.tasks.prompt import Slot
from harness.tasks.source_limit import fit
from harness.tasks.task import PreparedTask, prepare, prompt_of

PROMPT = prompt_of(TaskTable(name="dialogsum"))
FAMILY = Seq2SeqFamily(ByT5Tokenizer())


@pytest.fixture
def make_task(tmp_path, write, tokenizer):
    """``make_task(train, test, samples, tokenizer, **limits)``: the task of these rows."""

    def make(train, test, samples=(), tokenizer=tokenizer, **limits):
        write(tmp_path / "train.jsonl", train)
        write(tmp_path / "test.jsonl", test)
        table = TaskTable(name="dialogsum", data=str(tmp_path), **limits)
        return prepare(table, data.load(table), Seq2SeqFamily(tokenizer), samples)

    return make


def row(dialogue, summary="A summary.", number=1):
    return {"id": f"row_{number}", "dialogue": dialogue, "summary": summary}


def epoch(batches, size):
    """The sources of the first ``size`` rows, batch by batch."""
    groups, count = [], 0
    while count < size:
        batch = next(batches)
        sources = [
            tuple(ids[mask == 1].tolist())
            for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)
        ]
        groups.append(sources)
        count += len(sources)
    return groups


@pytest.mark.parametrize("max_source_tokens", [512, 60], ids=["whole", "truncated"])
def test_the_prompt_is_the_same_in_training_and_in_generation(max_source_tokens, make_task, rows, tokenizer):
    task = make_task(rows, rows, max_source_tokens=max_source_tokens)
    asked = tokenizer([question.prompt for question in task.questions])["input_ids"]
    assert [encoded.source.tolist() for encoded in task.training] == asked
    assert any(question.truncated for question in task.questions) == (max_source_tokens == 60)


def test_a_prompt_holds_the_instruction_and_the_whole_dialogue(toy_task, rows):
    expected = f"Summarize the following conversation.\n\n{rows[16]['dialogue']}\n\nSummary: "
    assert toy_task.questions[0].prompt == expected
    assert toy_task.prompt.source(expected) == rows[16]["dialogue"]


def test_targets_are_the_summaries(toy_task, rows, tokenizer):
    texts = tokenizer.batch_decode([encoded.target for encoded in toy_task.training])
    assert texts == [row["summary"] + "</s>" for row in rows[:16]]


def test_rows_with_the_same_dialogue_are_one_question_with_all_their_references(make_task, rows):
    test = [row("Hi.", "First.", 1), row("Bye.", "Second.", 2), row("Hi.", "Third.", 3)]
    questions = make_task(rows, test).questions
    assert [(question.id, question.references) for question in questions] == [
        ("row_1", ("First.", "Third.")),
        ("row_2", ("Second.",)),
    ]


def test_a_long_dialogue_loses_its_end_and_never_the_instruction(make_task, rows, tokenizer):
    dialogue = "\n".join(f"#Person1#: I have asked {count} times." for count in range(100))
    questions = make_task(rows, [row(dialogue), row("#Person1#: Hello.")], max_source_tokens=80).questions
    prompt = questions[0].prompt
    assert prompt.startswith(PROMPT.before)
    assert prompt.endswith(PROMPT.after)
    assert dialogue.startswith(PROMPT.source(prompt))
    assert 75 <= len(tokenizer(prompt)["input_ids"]) <= 80
    assert [question.truncated for question in questions] == [True, False]


@pytest.mark.parametrize("max_source_tokens", [60, 61, 62, 63])
def test_a_cut_leaves_no_half_a_character(max_source_tokens, make_task, rows):
    (question,) = make_task(rows, [row("🙂" * 40)], max_source_tokens=max_source_tokens).questions
    assert set(PROMPT.source(question.prompt)) == {"🙂"}


def t5_tokenizer():
    """T5's tokenizer with a piece for each printable character: all white space is a space when it decodes."""
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -10.0), ("\u2581", -1.0)]
    return T5Tokenizer(vocab=[*special, *((chr(code), -2.0) for code in range(33, 127))], extra_ids=0)


TOKENIZERS = {"t5": t5_tokenizer, "byt5": ByT5Tokenizer}  # the second does not tell where its tokens are


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_a_cut_dialogue_keeps_its_line_breaks(kind, make_task, rows):
    dialogue = "#Person1#: One.\n#Person2#: Two.\n#Person1#: Three.\n#Person2#: Four."
    task = make_task(rows, [row(dialogue)], tokenizer=TOKENIZERS[kind](), max_source_tokens=110)
    kept = PROMPT.source(task.questions[0].prompt)
    assert dialogue.startswith(kept)
    assert kept.splitlines()[:3] == dialogue.splitlines()[:3]


@pytest.mark.parametrize("kind", ["bpe", *TOKENIZERS])
def test_a_cut_prompt_fits_and_would_not_with_one_more_word(kind, tokenizer):
    tokenize, rng = TOKENIZERS.get(kind, lambda: tokenizer)(), Random(0)
    words = [
        "Hello",
        " ",
        "\n",
        "#Person1#:",
        "🙂",
        "e\u0301",
        "\ufb01",
        "½",
        "中文",
        "supercalifragilistic",
        " the",
        ".",
    ]
    dialogues = ["A" + "".join(rng.choices(words, k=80)) for _ in range(20)]

    def ids(prompts):
        return tokenize(prompts)["input_ids"]

    for longest in range(len(ids(PROMPT.fill("A"))) + 3, 70, 3):
        fitted = fit([Slot(dialogue, PROMPT.fill) for dialogue in dialogues], Seq2SeqFamily(tokenize), longest)
        assert [one.tokens for one in fitted] == ids([one.prompt for one in fitted])
        for dialogue, one in zip(dialogues, fitted, strict=True):
            kept = PROMPT.source(one.prompt)
            assert dialogue.startswith(kept)
            longer = PROMPT.fill(dialogue[: len(kept) + 22])
            assert len(one.tokens) <= longest < len(ids(longer))


@pytest.mark.parametrize(
    ("limit", "needed"),
    [(10, 37), (36, 37)],
    ids=["less than the instruction has", "no room for one token of the dialogue"],
)
def test_a_source_limit_that_leaves_no_room_for_a_dialogue_is_refused(limit, needed, make_task, rows):
    with pytest.raises(SuiteError) as caught:
        make_task(rows, rows, max_source_tokens=limit)
    assert str(caught.value) == (
        f"task.max_source_tokens: {limit} leaves no room for a source: the rest of the prompt alone takes 36 tokens "
        f"of this model; raise it to at least {needed}, or shorten the other texts in the {len(rows)} prompts "
        f"of which this is true, such as {PROMPT.fill('…')!r}"
    )


def test_a_target_limit_that_leaves_no_room_for_a_summary_is_refused(make_task, rows):
    assert {len(encoded.target) for encoded in make_task(rows, rows, max_target_tokens=2).training} == {2}
    with pytest.raises(SuiteError, match=r"task\.max_target_tokens: 1 leaves no room .* raise it to at least 2"):
        make_task(rows, rows, max_target_tokens=1)


def test_a_dialogue_that_just_fits_is_not_truncated(make_task, rows, tokenizer):
    length = len(tokenizer(PROMPT.fill(rows[0]["dialogue"]))["input_ids"])
    for limit, truncated in ((length, False), (length - 1, True)):
        (question,) = make_task(rows, rows[:1], max_source_tokens=limit).questions
        assert question.truncated is truncated


def test_a_long_summary_is_cut_to_the_target_limit(make_task, tokenizer):
    task = make_task([row("Hi.", "I have asked many times. " * 20)], [row("Bye.")], max_target_tokens=12)
    assert len(task.training[0].target) == 12
    assert task.training[0].target[-1] == tokenizer.eos_token_id
    assert task.targets_truncated == 1.0


def test_the_share_of_cut_summaries_is_that_of_those_longer_than_the_limit(make_task, tokenizer):
    texts = ["One.", "One two three.", "One two three four five six.", "One two three."]
    lengths = [len(ids) for ids in tokenizer(text_target=texts)["input_ids"]]
    task = make_task([row(f"Hi {text}", text) for text in texts], [row("Bye.")], max_target_tokens=lengths[1])
    assert [len(encoded.target) for encoded in task.training] == [lengths[0], lengths[1], lengths[1], lengths[1]]
    assert task.targets_truncated == 0.25


def test_a_task_fills_short_rows_with_its_tokenizers_pad_token(make_task):
    tokenizer = ByT5Tokenizer()
    tokenizer.pad_token = tokenizer.eos_token
    rows = [row("Hi."), row("Hi, hello, hello.", number=2)]
    batch = next(make_task(rows, rows, tokenizer=tokenizer).batches(2, seed=0))
    assert set(batch["input_ids"][batch["attention_mask"] == 0].tolist()) == {1}


def test_padding_is_masked_out_of_the_source_and_ignored_in_the_labels():
    rows = [([5, 6, 7], [8, 1]), ([9], [8, 3, 1])]
    batch = collate([Encoded(torch.tensor(source), torch.tensor(target)) for source, target in rows], pad=0)
    assert batch["input_ids"].tolist() == [[5, 6, 7], [9, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["labels"].tolist() == [[8, 1, -100], [8, 3, 1]]


def test_a_token_that_is_also_the_padding_is_read_where_it_is_part_of_a_row():
    rows = [([7, 5, 7], [7, 1]), ([9], [8])]
    batch = collate([Encoded(torch.tensor(source), torch.tensor(target)) for source, target in rows], pad=7)
    assert batch["input_ids"].tolist() == [[7, 5, 7], [9, 7, 7]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["labels"].tolist() == [[7, 1], [8, -100]]
    assert {tensor.dtype for tensor in batch.values()} == {torch.int64}


def of_lengths(*lengths):
    """A task whose training rows have sources and targets of these lengths; a row's number is its first token."""
    training = [
        Encoded(torch.tensor([number, *[5] * (source - 1)]), torch.tensor([7] * target))
        for number, (source, target) in enumerate(lengths, 10)
    ]
    texts = [("A prompt.", "A target.")] * len(training)
    return PreparedTask(PROMPT, training, [], "", 0.0, family=FAMILY, metrics=(), texts=texts.__getitem__)


def groups(batches, count):
    """The rows' numbers in the next batches."""
    return [batch["input_ids"][:, 0].tolist() for batch in islice(batches, count)]


@pytest.mark.parametrize(
    ("lengths", "together"),
    [
        ([(2, 9), (2, 1), (3, 9), (3, 1)], [{10, 12}, {11, 13}]),  # of similar targets: 8 + 24 tokens, not 22 + 24
        ([(1, 2), (1, 1), (9, 2), (9, 1)], [{10, 11}, {12, 13}]),  # of similar sources: 6 + 22 tokens, not 20 + 22
    ],
    ids=["targets", "sources"],
)
def test_rows_share_a_batch_by_the_side_that_leaves_less_padding(lengths, together):
    for seed in range(4):
        found = [set(group) for group in groups(of_lengths(*lengths).batches(2, seed), 2)]
        assert sorted(found, key=min) == together


LENGTHS = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=140)


@given(lengths=LENGTHS, batch_size=st.integers(1, 8), seed=st.integers(0, 9))
@example(lengths=[(length % 9 + 1, length % 5 + 1) for length in range(300)], batch_size=2, seed=1)
def test_an_epoch_holds_every_row_once_also_beyond_what_is_drawn_at_once(lengths, batch_size, seed):
    batches = of_lengths(*lengths).batches(batch_size, seed)
    for _ in range(2):
        found = groups(batches, -(-len(lengths) // batch_size))
        assert sorted(number for group in found for number in group) == list(range(10, 10 + len(lengths)))


def test_the_order_is_the_one_that_stored_results_were_trained_in():
    """Another order would be other results under the same spec."""
    task = of_lengths(*[(number % 5 + 1, number % 3 + 1) for number in range(10)])
    assert groups(task.batches(3, seed=0), 5) == [[13, 19, 14], [10, 16, 11], [17, 15, 12], [18], [18]]


def test_the_order_does_not_depend_on_what_else_draws_random_numbers():
    task = of_lengths(*[(2, 2)] * 12)
    expected = groups(task.batches(2, seed=0), 9)
    random.seed(7)
    torch.manual_seed(7)
    batches = task.batches(2, seed=0)
    for group in expected:
        assert groups(batches, 1) == [group]
        random.random()


@pytest.mark.parametrize("batch_size", [1, 5, 24, 100])
def test_every_row_comes_once_an_epoch(batch_size, make_task, rows):
    task = make_task(rows, rows[:1])
    everything = sorted(tuple(encoded.source.tolist()) for encoded in task.training)
    batches = task.batches(batch_size, seed=0)
    for _ in range(3):
        groups = epoch(batches, len(rows))
        assert sorted(source for group in groups for source in group) == everything
        assert max(map(len, groups)) == min(batch_size, len(rows))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_examples_are_the_rows_of_the_first_batch_as_texts(seed, make_task, rows):
    task = make_task(rows, rows[:1])
    shown = task.examples(5, seed)
    (batch,) = islice(task.batches(5, seed), 1)
    prompts, targets = zip(*shown, strict=True)
    assert [*prompts] == of_rows(task, batch["input_ids"])
    assert [*targets] == of_rows(task, batch["labels"].clamp(min=0))
    assert shown != task.examples(5, seed + 1)


def of_rows(task, ids):
    """The texts of rows without padding."""
    return task.family.tokenizer.batch_decode(ids, skip_special_tokens=True)


def test_an_example_of_an_encoder_decoder_is_what_its_tokenizer_keeps(make_task, rows, tokenizer):
    """This one makes small letters of capitals; and the summary is longer than the limit."""
    small = deepcopy(tokenizer)
    small.backend_tokenizer.normalizer = normalizers.Lowercase()
    summary = "Anna Says HELLO, and then she says it again."
    task = make_task([row("Anna: HELLO.", summary)], rows, tokenizer=small, max_target_tokens=12)
    ((prompt, target),) = task.examples(1, seed=0)
    assert prompt == PROMPT.fill("Anna: HELLO.").lower()
    assert summary.lower().startswith(target)
    assert 0 < len(target) < len(summary)


def test_two_epochs_have_different_orders(toy_task):
    batches = toy_task.batches(2, seed=0)
    assert epoch(batches, 16) != epoch(batches, 16)


def test_the_order_depends_on_the_seed_alone(toy_task):
    def order(seed):
        return [batch["input_ids"].tolist() for batch in islice(toy_task.batches(3, seed), 20)]

    assert order(0) == order(0)
    assert order(0) != order(1)


def test_batches_are_padded_to_their_longest_row_and_no_further(toy_task):
    for batch in islice(toy_task.batches(3, seed=0), 12):
        assert batch["attention_mask"].any(0).all()
        assert (batch["labels"] != -100).any(0).all()


def test_rows_of_similar_length_share_a_batch(make_task, rows):
    train = [row("yes " * count, number=count) for count in range(1, 33)]
    lengths = [[len(source) for source in group] for group in epoch(make_task(train, rows).batches(2, seed=0), 32)]
    ordered = sorted(length for group in lengths for length in group)
    assert sorted(map(sorted, lengths)) == [ordered[i : i + 2] for i in range(0, 32, 2)]
    assert lengths != sorted(lengths)


def test_the_same_data_has_the_same_hash(make_task, rows):
    assert make_task(rows[:4], rows[4:6]).hash == make_task(rows[:4], rows[4:6]).hash


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("column", ["id", "dialogue", "summary"])
def test_the_hash_changes_with_every_text_of_the_data(split, column, make_task, rows):
    splits = {"train": rows[:4], "test": rows[4:6]}
    changed = [*splits[split][:-1], {**splits[split][-1], column: "something else"}]
    assert make_task(**splits).hash != make_task(**{**splits, split: changed}).hash


def test_the_hash_changes_when_a_row_moves_from_training_to_test(make_task, rows):
    assert make_task(rows[:4], rows[4:6]).hash != make_task(rows[:3], rows[3:6]).hash


def test_an_unknown_task_is_answered_with_the_known_ones(tokenizer):
    with pytest.raises(
        SuiteError, match=r"unknown task 'dialogsun'; did you mean 'dialogsum'\? Known: answer, classify, "
    ):
        prepare(TaskTable(name="dialogsun"), {"train": [], "test": []}, Seq2SeqFamily(tokenizer))


def test_of_the_rows_the_suite_takes_every_nth_for_training_and_the_first_for_the_test(make_task, rows):
    task = make_task(rows, rows, train_every=5, train_rows=4, test_rows=2)
    assert [encoded.source.tolist() for encoded in task.training] == [
        encoded.source.tolist() for encoded in make_task([rows[0], rows[5], rows[10], rows[15]], rows).training
    ]
    assert [question.id for question in task.questions] == ["row_0", "row_1"]


def test_a_sample_beyond_the_test_rows_is_asked_with_all_its_references_and_not_scored(make_task, rows):
    test = [row("Hi.", "First.", 1), row("Bye.", "Second.", 2), row("So.", "Third.", 3), row("So.", "Fourth.", 4)]
    questions = make_task(rows, test, samples=[0, 3], test_rows=2).questions
    assert [(question.rows, question.references, question.scored) for question in questions] == [
        ((0,), ("First.",), True),
        ((1,), ("Second.",), True),
        ((2, 3), ("Third.", "Fourth."), False),
    ]


def test_a_sample_that_the_test_split_does_not_have_is_refused(make_task, rows):
    with pytest.raises(
        DataError, match=r"evaluation\.sample_rows: there is no test row 24; the split has 24 rows, from 0"
    ):
        make_task(rows, rows, samples=[24])


def test_a_prepared_task_comes_back_from_the_disk_as_it_was(make_task, rows, tmp_path):
    task = make_task(rows, rows[:6], samples=[5], test_rows=3)
    prepared.save(task, tmp_path / "prepared")
    again = prepared.load(tmp_path / "prepared", task.family)
    assert replace(again, training=[]) == replace(task, training=[])
    assert [again.texts(row) for row in range(24)] == [(PROMPT.fill(row["dialogue"]), row["summary"]) for row in rows]
    for one, other in zip(again.batches(5, seed=1), islice(task.batches(5, seed=1), 8), strict=False):
        assert {name: tensor.tolist() for name, tensor in one.items()} == {
            name: tensor.tolist() for name, tensor in other.items()
        }
