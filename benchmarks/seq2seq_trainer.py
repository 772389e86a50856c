"""(b) ``transformers.Seq2SeqTrainer`` with its defaults compared with the harness at the same budget.

Its side: ``DataCollatorForSeq2Seq``, batches of 8, ``predict_with_generate`` on every test row, with three rows
per dialogue as in DialogSum. Our side: the shared loop with the same batches, one generation per dialogue.

    python -m benchmarks.seq2seq_trainer --data FILE --examples 128 --dialogues 48
"""

from collections.abc import Sequence

import torch
from datasets import Dataset
from transformers import DataCollatorForSeq2Seq, Seq2SeqTrainer, Seq2SeqTrainingArguments

from benchmarks.figures import clocked, show
from benchmarks.setting import PROMPT, Workload, beside, parser, setting
from harness.tasks.data import Example
from harness.training import decoding
from harness.training import loop as training

NEW_TOKENS, SUMMARIES, BATCH = 64, 3, 8  # the trainer's default batch


def trainer(
    job: Workload, training_rows: Sequence[Example], test_rows: Sequence[Example], folder: str
) -> tuple[float, float]:
    """The seconds of training on each row once, and of predicting every test row."""

    def dataset(rows: Sequence[Example]) -> Dataset:
        prompts = job.tokenizer([PROMPT.fill(row.source) for row in rows], truncation=True, max_length=512)
        labels = job.tokenizer([row.target for row in rows], truncation=True, max_length=128)
        return Dataset.from_dict({"input_ids": prompts["input_ids"], "labels": labels["input_ids"]})

    model = job.plain()
    arguments = Seq2SeqTrainingArguments(
        folder,
        num_train_epochs=1,
        predict_with_generate=True,
        generation_max_length=NEW_TOKENS + 1,
        report_to=[],
        disable_tqdm=True,
        use_cpu=job.device.type == "cpu",
        save_strategy="no",
        logging_strategy="no",
    )
    loop = Seq2SeqTrainer(
        model=model,
        args=arguments,
        train_dataset=dataset(training_rows),
        data_collator=DataCollatorForSeq2Seq(job.tokenizer, model=model),
        processing_class=job.tokenizer,
    )
    test = dataset([row for row in test_rows for _ in range(SUMMARIES)])
    return clocked(loop.train, job.finish), clocked(lambda: loop.predict(test), job.finish)


def ours(job: Workload, training_rows: Sequence[Example], test_rows: Sequence[Example]) -> tuple[float, float]:
    """The same with the harness, with the same budget and rows."""
    model, batches = job.base(), job.batches(training_rows, BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, fused=True)
    questions = job.task(test_rows, SUMMARIES).questions

    def answer() -> None:
        prompts = [question.prompt for question in questions]
        decoding.generate(model, job.family, prompts, max_new_tokens=NEW_TOKENS)

    return clocked(lambda: training.fit(model, batches, optimizer), job.finish), clocked(answer, job.finish)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both, and print seconds and ratios."""
    options = parser(__doc__)
    options.add_argument("--examples", type=int, default=128)
    options.add_argument("--dialogues", type=int, default=48)
    asked = options.parse_args(arguments)
    with setting(asked) as job:
        theirs, mine = beside(job, trainer, ours, asked.examples, asked.dialogues)
        show(
            f"{asked.examples} examples, {SUMMARIES * asked.dialogues} test rows: Seq2SeqTrainer, harness, ratio",
            [
                (name, f"{a:.1f} s   {b:.1f} s   {a / b:.2f}")
                for name, a, b in zip(("training", "test evaluation"), theirs, mine, strict=True)
            ],
        )


if __name__ == "__main__":
    main()
