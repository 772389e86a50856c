"""How data sets usually call their columns, in lower case."""

LANGUAGES = {
    **{"ar": "Arabic", "cs": "Czech", "de": "German", "en": "English", "es": "Spanish", "fi": "Finnish"},
    **{"fr": "French", "he": "Hebrew", "hi": "Hindi", "it": "Italian", "ja": "Japanese", "ko": "Korean"},
    **{"nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sv": "Swedish"},
    **{"tr": "Turkish", "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese"},
}
LANGUAGES |= {name.lower(): name for name in LANGUAGES.values()}
LABELS = (
    *("label_text", "label_name", "label", "labels", "gold_label", "category", "class", "intent", "sentiment"),
    *("emotion", "stance", "topic", "stars", "rating", "type", "target", "class index", "coarse_label"),
)
TARGETS = (
    *("target", "output", "response", "completion", "answer", "answers", "correct_answer", "summary", "reply"),
    *("translation", "solution", "chosen"),
)
SOURCES = (
    *("instruction", "prompt", "question", "query", "problem", "dialogue", "article", "document", "text", "sentence"),
    *("source", "input", "passage", "context", "premise", "ctx", "sentence1", "question1"),
)
SCORES = ("score", "similarity", "relatedness", "relatedness_score")  # as numbers, which no built-in task predicts
BESIDE = ("input", "context", "passage", "document")  # beside the source, in some rows at least
NO_SOURCES = ("rejected",)  # worse answers
GIVING_AWAY = ("explanation", "rationale", "reason", "parse")  # in the name of what is written about an answer
CHOICES = ("choices", "options", "endings", "candidates")  # lists of answers to choose from
STEMS = ("", "choice", "option", "opt", "op", "ending", "sol", "solution", "answer", "candidate", "hyp")  # and a letter
KEYS = ("answer", "answerkey", "answer_key", "label", "correct", "correct_option", "cop", "gold", "target")  # to them
