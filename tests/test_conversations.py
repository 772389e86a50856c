"""A conversation is a row whose last turn is the target; a template or plain text makes a prompt of those before it."""

from copy import deepcopy

import pytest

from harness.models import families
from harness.models.causal import CausalFamily
from harness.models.seq2seq import Seq2SeqFamily
from harness.run import loader
from harness.spec import registry
from harness.spec.errors import DataError, ModelError, Unsupported
from harness.spec.suite import TaskTable
from harness.tasks import consistency, data, definition
from harness.tasks.task import prepare
from support import contracts

TEMPLATE = (
    "{% for each in messages %}<{{ each.role }}>{{ each.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def talk(*turns, number=0):
    """A row of turns, which a user begins; each text has the row's number in it."""
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[n % 2], "content": f"{text} {number}"} for n, text in enumerate(turns)]}


ROWS = [talk("Hi.", "Hello!", "Who are you?", "Ann.", number=number) for number in range(11)]


@pytest.fixture
def table(tmp_path, write):
    """``table(rows, **keys)``: the ``[task]`` of these conversations."""

    def make(rows, **keys):
        path = write(tmp_path / "talks.jsonl", rows)
        return TaskTable(**{"name": "instruct", "data": str(path), **keys})

    return make


@pytest.fixture
def talks(tokenizer):
    """The tokenizer with a chat template."""
    copy = deepcopy(tokenizer)
    copy.chat_template = TEMPLATE
    return copy


def test_an_encoder_decoder_reads_the_turns_as_text_and_learns_the_last_one(table, tokenizer):
    asked = table(ROWS)
    task = prepare(asked, data.load(asked), Seq2SeqFamily(tokenizer))
    question = task.questions[0]
    assert question.prompt == "User: Hi. 0\n\nAssistant: Hello! 0\n\nUser: Who are you? 0\n\nAssistant: "
    assert question.references == ("Ann. 0",)
    assert tokenizer.decode(task.training[0].target, skip_special_tokens=True) == "Ann. 1"
    assert task.prompt.source(question.prompt) == question.prompt


def test_a_model_with_a_chat_template_reads_them_through_it(table, talks):
    asked = table(ROWS)
    family = families.with_tokenizer(CausalFamily, talks, asked, "mine")
    task = prepare(asked, data.load(asked), family)
    prompt = task.questions[0].prompt
    assert prompt == "<user>Hi. 0\n<assistant>Hello! 0\n<user>Who are you? 0\n<assistant>"
    assert talks.decode(family.prompt_ids([prompt])[0]) == prompt
    row = task.training[0]
    (labels,) = family.batch([row])["labels"].tolist()
    assert [label for label in labels if label >= 0] == row.target.tolist()
    assert talks.decode(row.target, skip_special_tokens=True) == "Ann. 1"
    assert family.around("<", ">") == ("<", ">")


def test_the_text_of_the_system_comes_first_unless_the_row_has_one(table, talks):
    own = {"messages": [{"role": "system", "content": "Be long."}, *ROWS[0]["messages"]]}
    asked = table([own, *ROWS[1:]], system="Be brief.")
    family = families.with_tokenizer(CausalFamily, talks, asked, "mine")
    prompts = [question.prompt for question in prepare(asked, data.load(asked), family).questions]
    assert [prompt.partition("\n")[0] for prompt in prompts] == ["<system>Be long.", "<system>Be brief."]


def test_conversations_with_a_text_of_the_system_of_their_own_are_counted_where_the_suite_has_one(table):
    own = {"messages": [{"role": "system", "content": "Be long."}, *ROWS[0]["messages"]]}
    for system, told in (("Be brief.", ["1 of 11"]), (None, [])):
        asked = table([own, *ROWS[1:]], system=system)
        notices = consistency.check(definition.of(asked), (), data.load(asked))
        assert [line.partition("left out of ")[2].partition(" conv")[0] for line in notices] == told


def test_without_the_template_the_turns_are_text(table, talks):
    asked = table(ROWS, chat=False)
    family = families.with_tokenizer(CausalFamily, talks, asked, "mine")
    assert prepare(asked, data.load(asked), family).questions[0].prompt.startswith("User: Hi. 0\n\nAssistant: Hello!")


def test_a_method_that_puts_texts_before_prompts_is_for_conversations_as_text_alone(table, talks, tokenizer):
    few_shot = loader.load(registry.discover()["few_shot"], {})
    asked = table(ROWS)
    rendered = families.with_tokenizer(CausalFamily, talks, asked, "mine")
    with pytest.raises(Unsupported, match="these are conversations that a template has rendered"):
        contracts.instance(few_shot, family=rendered)
    assert contracts.instance(
        few_shot, family=families.with_tokenizer(CausalFamily, talks, table(ROWS, chat=False), "")
    )
    plain = Seq2SeqFamily(tokenizer)
    task = prepare(asked, data.load(asked), plain)
    method = contracts.instance(few_shot, family=plain, examples=task.examples(2, 0))
    (shown,) = method.presented([task.questions[0].prompt])
    assert shown.endswith("\n\n" + task.questions[0].prompt)
    assert shown.count("User: Who are you?") == shown.count("Assistant: Ann. ") + 1 == 3


def test_single_prompts_are_rendered_with_what_is_put_before_them(talks):
    asked = TaskTable(name="answer")
    family = families.with_tokenizer(CausalFamily, talks, asked, "mine")
    few_shot = loader.load(registry.discover()["few_shot"], {})
    method = contracts.instance(few_shot, family=family, examples=[("1 + 1 = ", "2"), ("1 + 2 = ", "3")])
    shown = talks.decode(family.prompt_ids(method.presented(["2 + 2 = "]))[0])
    assert shown == "<user>1 + 1 = 2\n\n1 + 2 = 3\n\n2 + 2 = \n<assistant>"


def test_a_template_that_refuses_a_turn_is_told(table, talks):
    talks.chat_template = "{% if messages | length > 1 %}{{ raise_exception('one turn') }}{% endif %}" + TEMPLATE
    asked = table(ROWS)
    family = families.with_tokenizer(CausalFamily, talks, asked, "mine")
    with pytest.raises(ModelError, match="its chat template cannot be used: TemplateError: one turn"):
        prepare(asked, data.load(asked), family)


def test_the_longest_turn_is_cut(table, tokenizer):
    asked = table(
        [talk("Hi.", "Well. " * 50, "So?", "Yes.", number=number) for number in range(11)], max_source_tokens=90
    )
    question = prepare(asked, data.load(asked), Seq2SeqFamily(tokenizer)).questions[0]
    assert question.truncated
    assert question.prompt.startswith("User: Hi. 0\n\nAssistant: Well. Well.")
    assert question.prompt.endswith("\n\nUser: So? 0\n\nAssistant: ")


def test_other_names_of_keys_and_roles_are_known(table):
    old = [
        {"conversations": [{"from": "human", "value": f"Hi {n}"}, {"from": "gpt", "value": "Hello."}]}
        for n in range(11)
    ]
    assert data.load(table(old))["test"][0].source == "User: Hi 0\n\nAssistant: "


def test_a_pattern_that_matches_no_turn_is_told_with_the_name_of_the_column(table):
    renamed = [{"conversations": row["messages"]} for row in ROWS]
    with pytest.raises(DataError, match=r"task\.extract: 'ZZ\(\.\)' matches no conversations; the first is "):
        data.load(table(renamed, extract="ZZ(.)"))


def test_a_conversation_in_parquet_is_read(table, tmp_path, write):
    asked = TaskTable(name="instruct", data=str(write(tmp_path / "talks.parquet", ROWS)))
    assert data.load(asked) == data.load(table(ROWS))


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ("Hi.", "messages is not a list of turns but str"),
        (None, "messages is not a list of turns but null"),
        ([], "does not end with a turn of the assistant after another one"),
        ([{"role": "user", "content": "Hi."}], "does not end with a turn of the assistant"),
        ([{"role": "assistant", "content": "Hi."}], "does not end with a turn of the assistant after another one"),
        ([{"role": "user", "text": "Hi."}], "turn 1 has no role and content"),
        ([{"role": "tool", "content": "Hi."}], "turn 1 is of 'tool'; known roles: system, user, assistant"),
        ([{"role": "user", "content": " "}], "turn 1 has no text"),
        ([{"role": "user", "content": None}], "turn 1 has no text"),
        (
            [{"role": "user", "content": [{"type": "text", "text": "Hi."}]}],
            "turn 1 has its text in a list; write it as one text",
        ),
        ([{"role": "system", "content": "S"}, {"role": "assistant", "content": "A"}], "has no turn of the user"),
        (
            [*ROWS[0]["messages"][:1], {"role": "system", "content": "S"}, *ROWS[0]["messages"][1:2]],
            "has a turn of the system that is not the first",
        ),
    ],
)
def test_what_is_no_conversation_is_a_bad_row(messages, said, table):
    with pytest.raises(DataError) as caught:
        data.load(table([*ROWS, {"messages": messages}]))
    assert "row 12: messages " in str(caught.value)
    assert said in str(caught.value)
