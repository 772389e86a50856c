"""Pre-train the embedded base model: ``python -m harness.embedded.pretrain``.

A T5 like FLAN-T5 (gated GELU, untied output), small enough to be committed, learns to read the
corpus's conversations from the tasks in ``instructions.py``. It never sees a summary, nor a scenario
that is held out. The script writes safetensors weights, the tokenizer and a model card into ``base_model/``.

What made it read instead of guess, found by trial (``docs/decisions.md`` has the figures):

- *Copying is wired in at the start* (``architecture.wire``): heads that look at neighbouring tokens, heads that look
  for the same token elsewhere, and cross-attention that continues what it has just said. From random weights
  the same model was still guessing after ten times as many examples.
- *Nonsense turns* of random words, most of the data at first: they can only be repeated by copying,
  while real turns can be half guessed from the few thousand sentences of the grammar.
- *Short windows first*, whole conversations later, and in a second phase mostly questions.
- *Muon* for the matrices; AdamW stayed on a plateau for three times as many examples.
"""

import argparse
import hashlib
import time
from datetime import date
from pathlib import Path
from random import Random

import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast, T5ForConditionalGeneration

from . import architecture, corpus, curriculum, instructions
from .instructions import Exercise

FOLDER = Path(__file__).parent / "base_model"
PHASES = ((3000, 1.0), (1200, 0.6))  # steps, and the share of the rates that they begin with
MUON_RATE, ADAM_RATE = 3e-3, 1.8e-3
WARMUP_STEPS, DECAY_SHARE = 100, 0.5  # steps of linear rise; share of linear fall
PROBE_ITEMS = 500  # fresh items of each kind, for the card
PROBES = (instructions.slots, instructions.who_said, instructions.repeat)


def train(model: T5ForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, phase: int, folder: Path) -> None:
    """Train the model in place for one phase; prints the loss and, with each saved checkpoint, the probes."""
    optimizers, (steps, share) = _optimizers(model), PHASES[phase]
    peaks = [share * optimizer.param_groups[0]["lr"] for optimizer in optimizers]
    began, losses = time.monotonic(), []
    for step, batch in enumerate(curriculum.batches(tokenizer, steps, phase), start=1):
        factor = min(1.0, step / WARMUP_STEPS, (1 - (step - 1) / steps) / DECAY_SHARE)
        for optimizer, peak in zip(optimizers, peaks, strict=True):
            optimizer.param_groups[0]["lr"] = peak * factor
        loss = _loss(model, batch)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        losses.append(loss.item())
        if step % 50 == 0:
            print(f"step {step:5}  loss {sum(losses[-50:]) / 50:.3f}  {time.monotonic() - began:5.0f} s", flush=True)
        if step % 500 == 0:
            model.save_pretrained(folder)
            print(probe(model, tokenizer, 50), flush=True)


@torch.no_grad()
def probe(model: T5ForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, count: int) -> dict[str, float]:
    """The shares of exact answers to fresh items on whole conversations; ``…_held_out`` on unseen scenarios."""
    model.eval()
    shares = {}
    for held_out in (False, True):
        for task in PROBES:
            examples = _probes(task, held_out, count)
            inputs = tokenizer([example.prompt for example in examples], padding=True, return_tensors="pt")
            outputs = model.generate(
                input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], max_new_tokens=48
            )
            texts = tokenizer.batch_decode(outputs, skip_special_tokens=True)
            right = sum(text.strip() == example.answer for text, example in zip(texts, examples, strict=True))
            shares[task.__name__ + ("_held_out" if held_out else "")] = right / count
    model.train()
    return shares


def committed_probes(count: int) -> dict[str, float]:
    """``probe`` of the model that is committed."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(FOLDER)
    return probe(T5ForConditionalGeneration.from_pretrained(FOLDER), tokenizer, count)


def _probes(task: instructions.Instruction, held_out: bool, count: int) -> list[Exercise]:
    rng = Random(f"{curriculum.SEED} probe {task.__name__} {held_out}")
    examples: list[Exercise] = []
    while len(examples) < count:
        conversation = curriculum.conversation(rng, held_out)
        if (example := task(conversation, conversation.turns, rng, most=1)) is not None:
            examples.append(example)
    return examples


def _optimizers(model: T5ForConditionalGeneration) -> list[torch.optim.Optimizer]:
    """Muon for the blocks' matrices, AdamW for embeddings, output, norms and position biases."""
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "block" in name and "bias" not in name]
    others = [p for name, p in model.named_parameters() if not (p.ndim == 2 and "block" in name and "bias" not in name)]
    return [
        torch.optim.Muon(matrices, lr=MUON_RATE, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=ADAM_RATE, weight_decay=0.0, betas=(0.9, 0.98), fused=True),
    ]


def _loss(model: T5ForConditionalGeneration, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Cross-entropy in which a long answer does not outweigh the short ones of its batch."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(**batch).logits
    losses = cross_entropy(logits.float().transpose(1, 2), batch["labels"], reduction="none")
    weights = (batch["labels"] != -100).sum(1).sqrt()
    return (losses.sum(1) / weights).sum() / weights.sum()


def main() -> None:
    """Build, train, probe and save; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phase", type=int, default=0, help="continue with this phase, from the weights in --output")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=FOLDER)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    began = time.monotonic()
    tokenizer = architecture.build_tokenizer(curriculum.tokenizer_texts())
    tokenizer.save_pretrained(options.output)
    if options.phase:
        model = T5ForConditionalGeneration.from_pretrained(options.output)
    else:
        model = architecture.new_model(curriculum.SEED)
    for phase in range(options.phase, len(PHASES)):
        train(model.train(), tokenizer, phase, options.output)
        save(model, tokenizer, options.output, minutes=(time.monotonic() - began) / 60)


def save(model: T5ForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, folder: Path, minutes: float) -> None:
    """Write weights, tokenizer and model card, and print the card's scores."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    scores = probe(model, tokenizer, PROBE_ITEMS)
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    text = CARD.format(
        parameters=model.num_parameters(),
        minutes=minutes,
        today=date.today(),
        digest=digest,
        scores="\n".join(f"| {name} | {share:.1%} |" for name, share in scores.items()),
        held_out=", ".join(scenario.topic for scenario in corpus.scenarios() if scenario.held_out),
        vocabulary=architecture.VOCABULARY,
        seed=curriculum.SEED,
        batch=curriculum.BATCH_SIZE,
        steps=" and ".join(str(steps) for steps, _ in PHASES),
        probed=PROBE_ITEMS,
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
    print(text)


CARD = """---
license: apache-2.0
language: en
library_name: transformers
---
# The embedded base model

A T5 of FLAN-T5's kind (gated GELU, untied output): {parameters:,} parameters, {vocabulary} pieces. It reads
short conversations and answers instructions about them. It was never shown a summary.

- Command: `python -m harness.embedded.pretrain` (seed {seed}, {steps} steps of {batch} examples)
- Duration: {minutes:.0f} minutes on two CPU cores, {today}
- Data: conversations and instruction tasks made by `harness/embedded/corpus.py` and `instructions.py`, written for
  this project; no other text. Topics that were held out: {held_out}.
- Weights: `model.safetensors`, SHA-256 `{digest}`
- Licence: Apache-2.0

Exact answers to {probed} fresh items each, on whole conversations of 8 to 14 turns (`_held_out`: on topics never seen):

| probe | right |
| --- | --- |
{scores}
"""


if __name__ == "__main__":
    main()
