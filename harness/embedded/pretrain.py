"""Pre-train the embedded base model: ``python -m harness.embedded.pretrain``.

A T5 like FLAN-T5 (gated GELU, untied output), small enough to be committed, learns to read the corpus's conversations
from the tasks in ``instructions.py``, in two phases, then to write English from those in ``writing.py``. The last
phase has all of them, and teaches a short answer to whatever else is asked. It never sees a summary, nor a scenario
that is held out. The script writes safetensors weights, the tokenizer and a model card into ``base_model/``.
``--resume`` continues an interrupted training, which ends at the same weights.

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
from collections.abc import Sequence
from datetime import date
from itertools import islice
from pathlib import Path
from random import Random

import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast, T5ForConditionalGeneration

from . import architecture, checkpoint, corpus, curriculum, instructions
from .checkpoint import Reached
from .instructions import Exercise

FOLDER = Path(__file__).parent / "base_model"
PHASES = ((3000, 1.0), (1200, 0.6), (2000, 0.6), (1000, 0.4))  # steps, share of the rates they begin with
MUON_RATE, ADAM_RATE = 3e-3, 1.8e-3
WARMUP_STEPS, DECAY_SHARE = 100, 0.5  # steps of linear rise; share of linear fall
SHOWN_STEPS, SAVED_STEPS, PROBED_STEPS = 50, 100, 500  # between two lines of output, checkpoints, probes
PROBE_ITEMS = 500  # fresh items of each kind, for the card
PROBES = (instructions.slots, instructions.who_said, instructions.repeat)


def train(model: T5ForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, done: Reached, folder: Path) -> None:
    """Train the model in place to the end of a phase, from its checkpoint in ``folder`` if steps of it are done.

    Prints the loss and the probes. Each whole phase adds its minutes to the model's config.
    """
    optimizers, (steps, share) = _optimizers(model), PHASES[done.phase]
    peaks = [share * optimizer.param_groups[0]["lr"] for optimizer in optimizers]
    if done.step:
        checkpoint.read(folder, model, optimizers)
    began, losses = time.monotonic() - done.seconds, []
    batches = islice(curriculum.batches(tokenizer, steps, done.phase), done.step, None)
    for step, batch in enumerate(batches, start=done.step + 1):
        factor = min(1.0, step / WARMUP_STEPS, (1 - (step - 1) / steps) / DECAY_SHARE)
        for optimizer, peak in zip(optimizers, peaks, strict=True):
            optimizer.param_groups[0]["lr"] = peak * factor
        losses.append(_step(model, batch, optimizers))
        seconds = time.monotonic() - began
        if step % SHOWN_STEPS == 0:
            mean = sum(losses[-SHOWN_STEPS:]) / len(losses[-SHOWN_STEPS:])
            print(f"step {step:5}  loss {mean:.3f}  {seconds:5.0f} s", flush=True)
        if step % SAVED_STEPS == 0:
            checkpoint.write(folder, model, optimizers, Reached(done.phase, step, seconds))
        if step % PROBED_STEPS == 0:
            print(probe(model, tokenizer, 50), flush=True)
    minutes = round((time.monotonic() - began) / 60)
    model.config.pretraining_minutes = [*getattr(model.config, "pretraining_minutes", [])[: done.phase], minutes]


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


def _step(
    model: T5ForConditionalGeneration, batch: dict[str, torch.Tensor], optimizers: Sequence[torch.optim.Optimizer]
) -> float:
    loss = _loss(model, batch)
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()
    return loss.item()


def _loss(model: T5ForConditionalGeneration, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Cross-entropy in which a long answer does not outweigh the short ones of its batch; padding gets no logits."""
    labels, mask = batch["labels"], batch["attention_mask"]
    learned = labels != -100
    with torch.autocast("cpu", dtype=torch.bfloat16):
        read = model.encoder(input_ids=batch["input_ids"], attention_mask=mask).last_hidden_state
        written = model.decoder(
            input_ids=model.prepare_decoder_input_ids_from_labels(labels),
            encoder_hidden_states=read,
            encoder_attention_mask=mask,
        ).last_hidden_state
        logits = model.lm_head(written[learned])
    losses = cross_entropy(logits.float(), labels[learned], reduction="none")
    weights = learned.sum(1, keepdim=True).sqrt().expand_as(labels)
    return (losses / weights[learned]).sum() / weights[:, 0].sum()


def main() -> None:
    """Build, train, probe and save; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--phase", type=int, default=0, help="begin with this phase, at the weights in --output")
    start.add_argument("--resume", action="store_true", help="continue at the checkpoint in --output")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=FOLDER)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    done = checkpoint.progress(options.output) if options.resume else Reached(options.phase, 0, 0.0)
    tokenizer = architecture.build_tokenizer(curriculum.tokenizer_texts())
    tokenizer.save_pretrained(options.output)  # now, since the probes will set it to padding
    if done.phase:
        model = T5ForConditionalGeneration.from_pretrained(options.output)
    else:
        model = architecture.new_model(curriculum.SEED)
    for phase in range(done.phase, len(PHASES)):
        train(model.train(), tokenizer, done if phase == done.phase else Reached(phase, 0, 0.0), options.output)
        save(model, tokenizer, options.output)
    (options.output / checkpoint.NAME).unlink(missing_ok=True)


def save(model: T5ForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write weights and model card, and print the card."""
    model.save_pretrained(folder)
    scores = probe(model, tokenizer, PROBE_ITEMS)
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    minutes = model.config.pretraining_minutes
    text = CARD.format(
        parameters=model.num_parameters(),
        minutes=sum(minutes),
        each=_listed(minutes),
        today=date.today(),
        digest=digest,
        scores="\n".join(f"| {name} | {share:.1%} |" for name, share in scores.items()),
        held_out=", ".join(scenario.topic for scenario in corpus.scenarios() if scenario.held_out),
        vocabulary=architecture.VOCABULARY,
        seed=curriculum.SEED,
        batch=curriculum.BATCH_SIZE,
        steps=_listed([steps for steps, _ in PHASES[: len(minutes)]]),
        probed=PROBE_ITEMS,
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
    print(text)


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


CARD = """---
license: apache-2.0
language: en
library_name: transformers
---
# The embedded base model

A T5 of FLAN-T5's kind (gated GELU, untied output): {parameters:,} parameters, {vocabulary} pieces. It reads
short conversations, answers instructions about them, and writes about them. It was never shown a summary.

- Command: `python -m harness.embedded.pretrain` (seed {seed}; steps of each phase: {steps}; {batch} examples a step)
- Duration: {minutes} minutes on two CPU cores (of each phase: {each}), {today}
- Data: conversations and tasks made by `harness/embedded/corpus.py`, `instructions.py` and `writing.py`, written for
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
