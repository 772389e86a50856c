"""ROUGE sees what every script says: Latin text as rouge_score does, else words, a character each without spaces."""

from itertools import product
from random import Random

import pytest
from rouge_score.rouge_scorer import RougeScorer

from harness.metrics.rouge.metric import NAMES, reading, rouge
from harness.metrics.rouge.rouge import sentences
from harness.metrics.rouge.words import TOKENIZERS, choose, reads
from harness.spec.errors import SuiteError
from harness.spec.suite import TaskTable
from harness.tasks import data, scored_by

LANGUAGES = {
    "German": ("Die Möwe fliegt über das Meer.", "Öl für Käse? Über 3.000 €!"),
    "Vietnamese": ("Ở đó có ý gì ạ?", "Tôi đã ở nhà."),
    "English with names": ("Anna visits Москва and Ивановo with Tom.", "Mr Wang (王) calls #Person1# at 10."),
    "Russian": ("Анна бронирует номер на ночь.", "Том опаздывает на встречу."),
    "Greek": ("Η Άννα κλείνει δωμάτιο.", "Ο Τομ αργεί."),
    "Arabic": ("حجزت آنا غرفة لليلة واحدة.", "كَتَبَ الوَلَدُ الدَّرْسَ."),
    "Hebrew": ("אנה מזמינה חדר ללילה.", "טום מאחר."),
    "Hindi": ("अन्ना एक रात के लिए कमरा बुक करती है।", "हिन्दी में किताब।"),
    "Korean": ("안나가 방을 예약한다.", "톰은 늦는다."),
    "Chinese": ("顾客在问价格,店员说三十块。", "他们明天下午3点见面。"),
    "Japanese": ("2024年に東京で会議がある。", "トムは10時にコーヒーを飲む。"),
    "Thai": ("แอนนาจองห้องพักหนึ่งคืน", "ทอมมาสาย"),
    "Lao": ("ແອນນາຈອງຫ້ອງ", "ທອມມາຊ້າ"),
    "Khmer": ("អាណាកក់បន្ទប់មួយយប់", "ថមមកយឺត"),
    "Burmese": ("အန်နာအခန်းကြိုတင်မှာတယ်", "တွမ်နောက်ကျတယ်"),
}
LATIN = ("German", "Vietnamese", "English with names")
NOTHING = ("?!", "🙂🙂", "…", "—", "#", "。。", "👩‍👩‍👧")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_tokenizer_follows_from_the_letters_of_the_summaries(language):
    assert choose(LANGUAGES[language]) == ("rouge_score" if language in LATIN else "words")


def test_the_embedded_data_are_read_as_before():
    assert (
        choose(row.target for rows in data.load(TaskTable(name="dialogsum")).values() for row in rows) == "rouge_score"
    )


def test_a_stray_summary_in_a_hundred_changes_nothing_and_one_in_ten_does():
    assert choose(["Tom is late."] * 99 + ["Том опаздывает."]) == "rouge_score"
    assert choose(["Tom is late."] * 9 + ["Том опаздывает."]) == "words"


@pytest.mark.parametrize("nothing", NOTHING)
@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_no_tokenizer_reads_punctuation(tokenizer, nothing):
    assert not reads(tokenizer, nothing)


@pytest.mark.parametrize(
    ("text", "words", "characters"),
    [
        ("U2 sang 3 Lieder über Zoë’s Straße_7", "u2 sang 3 lieder über zoë s strasse 7", None),
        ("Привет, МИР!", "привет мир", "п р и в е т м и р"),
        ("2024年に東京でGPT-4を", "2024 年 に 東 京 で gpt 4 を", "2 0 2 4 年 に 東 京 で g p t 4 を"),
        ("コーヒー", "コ ー ヒ ー", "コ ー ヒ ー"),
        ("กี่โมง", "กี่ โ ม ง", "กี่ โ ม ง"),
        ("हिन्दी में", "हिन्दी में", "हि न् दी में"),
        ("كَتَبَ الوَلَدُ", "كَتَبَ الوَلَدُ", None),
        ("한국어 방", "한국어 방", "한 국 어 방"),
    ],
)
def test_marks_belong_to_their_letters(text, words, characters):
    assert TOKENIZERS["words"](text) == words.split()
    assert characters is None or TOKENIZERS["characters"](text) == characters.split()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ＡＢＣ １２", "abc 12"),
        ("cafe\u0301", "CAFÉ"),
        ("ｶﾞｲﾄﾞ", "ガイド"),
        ("ΣΟΦΟΣ", "σοφος"),
        ("می\u200cخواهم", "میخواهم"),
        ("Donau\u00addampfer", "donaudampfer"),
        ("น้ำ", "น\u0e49\u0e4d\u0e32"),
    ],
)
def test_what_looks_alike_is_alike(one, other):
    assert TOKENIZERS["words"](one) == TOKENIZERS["words"](other)


class Words:
    """What ``RougeScorer`` takes as a tokenizer of one's own."""

    def __init__(self, name):
        self.tokenize = TOKENIZERS[name]


def texts():
    """A sentence of every language, mixed and reworded, and some that say nothing."""
    rng = Random(0)
    known = [text for text, _ in LANGUAGES.values()]
    mixed = [" ".join(rng.sample(known, 3)) for _ in range(3)]
    shuffled = ["".join(rng.sample(text, len(text))) for text in known[3::3]]
    return [*known, *mixed, *shuffled, *NOTHING[:3], "", "多谢。再见!\n明天见。"]


@pytest.mark.parametrize("tokenizer", ["words", "characters"])
def test_scores_equal_rouge_score_with_that_tokenizer(tokenizer):
    scorer = RougeScorer(NAMES, tokenizer=Words(tokenizer))
    pairs = list(product(texts(), repeat=2))
    with reading(tokenizer):
        found = rouge([text for text, _ in pairs], [[reference] for _, reference in pairs])
    for (text, reference), (mean, _) in zip(pairs, found, strict=True):
        expected = scorer.score(sentences(reference, tokenizer), sentences(text, tokenizer))
        assert mean == pytest.approx({name: score.fmeasure for name, score in expected.items()}, rel=0, abs=1e-12)


def test_a_sentence_may_end_without_a_space():
    assert sentences("多谢。再见！明天见", "words") == "多谢。\n再见！\n明天见"
    assert sentences("नमस्ते। Bye. U.S.A", "words") == "नमस्ते।\nBye.\nU.S.A"


def test_outside_of_a_run_texts_are_read_as_rouge_score_reads_them():
    with reading("words"):
        ((inside, _),) = rouge(["Привет"], [["привет"]])
    ((outside, _),) = rouge(["Привет"], [["привет"]])
    assert (inside["rouge1"], outside["rouge1"]) == (1.0, 0.0)


def test_a_suite_may_name_the_tokenizer_but_no_unknown_one():
    scored_by.check(TaskTable(name="dialogsum"), (), {"rouge_tokenizer": "characters"})
    told = r"evaluation\.rouge_tokenizer: unknown value 'letters'.* Known: auto, characters, rouge_score, words"
    with pytest.raises(SuiteError, match=told):
        scored_by.check(TaskTable(name="dialogsum"), (), {"rouge_tokenizer": "letters"})
