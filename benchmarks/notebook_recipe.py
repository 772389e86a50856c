"""(a) The teaching notebook's recipe, as written, compared with the harness on the same training and test rows.

The recipe pads every prompt and every summary to 512 tokens, leaves padding in the labels, trains with
``transformers.Trainer`` in batches of 8 and generates one summary at a time. Both sides do full
fine-tuning in float32 from the same weights, each in its own process; the first step of each, which sets up
libraries and memory, is not counted.

    python -m benchmarks.notebook_recipe --data FILE --examples 24 --summaries 10
"""

from collections.abc import Sequence

import torch
from datasets import Dataset
from transformers import Trainer, TrainingArguments

from benchmarks.figures import clocked, show
from benchmarks.setting import PROMPT, Workload, beside, parser, setting
from harness.tasks.data import Example
from harness.training import decoding, loop

LONGEST, NEW_TOKENS, BATCH = 512, 64, 8
LAB = (1_300, 10)


def notebook(
    job: Workload, training_rows: Sequence[Example], test_rows: Sequence[Example], folder: str
) -> tuple[float, float]:
    """The seconds of training on each row once, and of generating one summary per test row."""
    model = job.plain()

    def tokenize(batch: dict[str, list[str]]) -> dict[str, list[list[int]]]:
        options = {"padding": "max_length", "truncation": True, "max_length": LONGEST}
        prompts = [PROMPT.fill(dialogue) for dialogue in batch["dialogue"]]
        return {
            "input_ids": job.tokenizer(prompts, **options)["input_ids"],
            "labels": job.tokenizer(batch["summary"], **options)["input_ids"],
        }

    def train(rows: Sequence[Example]) -> None:
        raw = Dataset.from_list([{"dialogue": row.source, "summary": row.target} for row in rows])
        tokens = raw.map(tokenize, batched=True, remove_columns=["dialogue", "summary"])
        arguments = TrainingArguments(
            folder,
            learning_rate=1e-5,
            num_train_epochs=1,
            weight_decay=0.01,
            report_to=[],
            disable_tqdm=True,
            use_cpu=job.device.type == "cpu",
            save_strategy="no",
            logging_strategy="no",
        )
        Trainer(model=model, args=arguments, train_dataset=tokens).train()

    def summarise() -> None:
        model.eval()
        for row in test_rows:
            inputs = job.tokenizer(PROMPT.fill(row.source), return_tensors="pt").to(job.device)
            outputs = model.generate(input_ids=inputs["input_ids"], max_new_tokens=NEW_TOKENS)
            job.tokenizer.decode(outputs[0], skip_special_tokens=True)

    train(training_rows[:BATCH])
    return clocked(lambda: train(training_rows), job.finish), clocked(summarise, job.finish)


def ours(job: Workload, training_rows: Sequence[Example], test_rows: Sequence[Example]) -> tuple[float, float]:
    """The same with the harness's loop and decoding; preparing the rows counts as training."""
    model = job.base()

    def train(rows: Sequence[Example]) -> None:
        loop.fit(model, job.batches(rows, BATCH), torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True))

    prompts = [PROMPT.fill(row.source) for row in test_rows]

    def summarise() -> None:
        decoding.generate(model, job.family, prompts, max_new_tokens=NEW_TOKENS)

    train(training_rows[:BATCH])
    return clocked(lambda: train(training_rows), job.finish), clocked(summarise, job.finish)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both, and print seconds and ratios."""
    options = parser(__doc__)
    options.add_argument("--examples", type=int, default=24)
    options.add_argument("--summaries", type=int, default=10)
    asked = options.parse_args(arguments)
    with setting(asked) as job:
        theirs, mine = beside(job, notebook, ours, asked.examples, asked.summaries)
    lab = [LAB[0] / asked.examples, LAB[1] / asked.summaries]
    scaled = [sum(seconds * factor for seconds, factor in zip(each, lab, strict=True)) for each in (theirs, mine)]
    compared = [
        ("training", theirs[0], mine[0]),
        ("summaries", theirs[1], mine[1]),
        ("end to end", sum(theirs), sum(mine)),
        (f"the lab suite's {LAB[0]:,} examples and {LAB[1]} summaries, scaled up", *scaled),
    ]
    show(
        f"{asked.examples} examples trained, {asked.summaries} dialogues summarised: notebook, harness, ratio",
        [(name, f"{a:,.1f} s   {b:,.1f} s   {a / b:.1f}") for name, a, b in compared],
    )


if __name__ == "__main__":
    main()
