"""Pre-train the embedded base model: ``python -m harness.embedded.pretrain``.

A T5 of FLAN-T5's kind (gated GELU, untied output), small enough to be committed, learns to read the
corpus' conversations from the tasks in ``instructions.py``. It never sees a summary, nor a scenario
that is held out. Writes safetensors weights, the tokenizer and a model card into ``base_model/``.

What made it read instead of guess, found by trial (``docs/decisions.md`` has the figures):

- *Nonsense turns* of random words, most of the data at first: they can only be repeated by copying,
  while real turns can half be guessed from the few thousand sentences of the grammar.
- *Short windows first*, whole conversations later.
- *Heads that look at the neighbouring token* from the start, by their relative position bias.
- *An output layer that is a rotation of the embedding*, so that copying any token is one linear map
  away; an output layer equal to the embedding repeats the previous token for ever.
- *Muon* for the matrices; AdamW stayed on a plateau for three times as many examples.
"""

import argparse
import hashlib
import math
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

from harness.embedded import corpus, instructions
from harness.embedded.corpus import Conversation
from harness.embedded.instructions import Example, Turns

Weights = dict[instructions.Task, int]

FOLDER = Path(__file__).parent / "base_model"
SEED = 20261122
STEPS = 6000
BATCH = 64
POOL = 16  # batches drawn at once and sorted by length, so that little of a batch is padding
MUON_RATE, ADAM_RATE = 5e-3, 3e-3
WARMUP, DECAY = 200, 0.35  # steps of linear rise; share of linear fall
VOCABULARY = 3072
WIDTH, HEADS = 128, 4
LOCAL_BIAS = 8.0
LONGEST_SOURCE = 512
# How often each task is drawn: these read any window of turns, nonsense too …
WINDOW_TASKS: Weights = {
    instructions.who_said: 4,
    instructions.repeat: 3,
    instructions.repeat_speaker: 1,
    instructions.reply: 1,
    instructions.gap: 2,
    instructions.copy: 1,
}
# … these need real turns, and these the whole conversation.
FACT_TASKS: Weights = {instructions.slots: 1}
WHOLE_TASKS: Weights = {instructions.report: 5, instructions.topic: 1}
PROBES = (instructions.slots, instructions.who_said, instructions.repeat)


def build_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of the pre-training text; any other text is spelled in bytes."""
    rng = Random(f"{SEED} tokenizer")
    texts = [part for _ in range(12_000) for part in _real_example(rng, 1.0)[1:]]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - 2,
        special_tokens=["<pad>", "</s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((text.replace("#Person", " ") for text in texts), trainer)
    tokenizer.add_tokens([AddedToken(f"#Person{number}#", normalized=False) for number in (1, 2)])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=LONGEST_SOURCE,
        clean_up_tokenization_spaces=False,
    )


def new_model() -> T5ForConditionalGeneration:
    """The model before training."""
    torch.manual_seed(SEED)
    config = T5Config(
        vocab_size=VOCABULARY,
        d_model=WIDTH,
        d_kv=WIDTH // HEADS,
        d_ff=2 * WIDTH,
        num_heads=HEADS,
        num_layers=4,
        num_decoder_layers=3,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
        dropout_rate=0.0,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
    )
    model = T5ForConditionalGeneration(config)
    rotation, _ = torch.linalg.qr(torch.randn(WIDTH, WIDTH))
    with torch.no_grad():
        model.lm_head.weight.copy_(model.shared.weight @ rotation * WIDTH**-0.5)
        encoder = model.encoder.block[0].layer[0].SelfAttention.relative_attention_bias.weight
        decoder = model.decoder.block[0].layer[0].SelfAttention.relative_attention_bias.weight
        after = config.relative_attention_num_buckets // 2  # buckets of the tokens that follow
        for bias, bucket, head in (
            (encoder, 1, 0),
            (encoder, after + 1, 1),
            (encoder, 2, 2),
            (decoder, 1, 0),
            (decoder, 0, 1),
        ):
            bias[bucket, head] = LOCAL_BIAS
    return model


def train(model: T5ForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, steps: int, folder: Path) -> None:
    """Train in place; every thousandth step prints the probes and saves the weights."""
    optimizers = _optimizers(model)
    peaks = [optimizer.param_groups[0]["lr"] for optimizer in optimizers]
    began, losses = time.monotonic(), []
    for step, batch in enumerate(_batches(tokenizer, steps), start=1):
        factor = min(1.0, step / WARMUP, (1 - (step - 1) / steps) / DECAY)
        for optimizer, peak in zip(optimizers, peaks, strict=True):
            optimizer.param_groups[0]["lr"] = peak * factor
        loss = _loss(model, batch)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        losses.append(loss.item())
        if step % 100 == 0:
            print(f"step {step:5}  loss {sum(losses[-100:]) / 100:.3f}  {time.monotonic() - began:5.0f} s", flush=True)
        if step % 1000 == 0:
            print(f"            {probe(model, tokenizer, 50)}", flush=True)
            model.save_pretrained(folder)


@torch.no_grad()
def probe(model: T5ForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, count: int) -> dict[str, float]:
    """Exact answers to fresh items on whole conversations, as shares; ``…_held_out`` on unseen scenarios."""
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


def _probes(task: instructions.Task, held_out: bool, count: int) -> list[Example]:
    rng = Random(f"{SEED} probe {task.__name__} {held_out}")
    examples: list[Example] = []
    while len(examples) < count:
        conversation = _conversation(rng, held_out)
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
    """Cross-entropy in which a long answer does not drown the short ones of its batch."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(**batch).logits
    losses = cross_entropy(logits.float().transpose(1, 2), batch["labels"], reduction="none")
    weights = (batch["labels"] != -100).sum(1).sqrt()
    return (losses.sum(1) / weights).sum() / weights.sum()


def _batches(tokenizer: PreTrainedTokenizerFast, steps: int) -> Iterator[dict[str, torch.Tensor]]:
    rng = Random(f"{SEED} batches")
    for start in range(0, steps, POOL):
        count = min(POOL, steps - start)
        examples = [_example(rng, start / steps) for _ in range(count * BATCH)]
        sources = tokenizer([e.prompt for e in examples], truncation=True, max_length=LONGEST_SOURCE)["input_ids"]
        targets = tokenizer([e.answer for e in examples])["input_ids"]
        by_length = sorted(range(len(examples)), key=lambda i: len(sources[i]))
        groups = [by_length[i : i + BATCH] for i in range(0, len(by_length), BATCH)]
        for group in rng.sample(groups, len(groups)):
            yield _tensors([sources[i] for i in group], [targets[i] for i in group])


def _tensors(sources: list[list[int]], targets: list[list[int]]) -> dict[str, torch.Tensor]:
    def pad(rows: list[list[int]], value: int) -> torch.Tensor:
        longest = max(map(len, rows))
        return torch.tensor([row + [value] * (longest - len(row)) for row in rows])

    ids = pad(sources, 0)
    return {"input_ids": ids, "attention_mask": (ids != 0).long(), "labels": pad(targets, -100)}


def _example(rng: Random, progress: float) -> Example:
    """A random example at this point of the curriculum, which moves from short nonsense to whole conversations."""
    nonsense = 0.75 if progress < 0.12 else 0.5 if progress < 0.3 else 0.2
    return _nonsense_example(rng, progress) if rng.random() < nonsense else _real_example(rng, progress)


def _real_example(rng: Random, progress: float) -> Example:
    while True:
        conversation = _conversation(rng)
        turns: Turns = conversation.turns
        if progress > 0.1 and rng.random() < 0.35:
            make = _draw(WHOLE_TASKS, rng)
        else:
            make = _draw(FACT_TASKS if rng.random() < 0.4 else WINDOW_TASKS, rng)
            turns = _window(turns, rng, progress)
        if (example := make(conversation, turns, rng)) is not None:
            return example


def _nonsense_example(rng: Random, progress: float) -> Example:
    conversation = _conversation(rng)
    words = _words()
    length = rng.randint(2, 2 + round(6 * min(1.0, 2 * progress)))
    speakers = ("#Person1#", "#Person2#")
    while True:
        texts = [" ".join(rng.choices(words, k=rng.randint(3, 7))).capitalize() + "." for _ in range(length)]
        turns = tuple((speakers[index % 2], text) for index, text in enumerate(texts))
        if (example := _draw(WINDOW_TASKS, rng)(conversation, turns, rng)) is not None:
            return example


def _draw(tasks: Weights, rng: Random) -> instructions.Task:
    return rng.choices(list(tasks), list(tasks.values()))[0]


def _window(turns: Turns, rng: Random, progress: float) -> Turns:
    """Some turns in a row, from two up to all of them; later on all of them half of the time."""
    longest = 2 + math.ceil((len(turns) - 2) * min(1.0, 2.5 * progress))
    if longest >= len(turns) and rng.random() < 0.5:
        return turns
    length = rng.randint(2, min(longest, len(turns)))
    start = rng.randrange(len(turns) - length + 1)
    return turns[start : start + length]


def _conversation(rng: Random, held_out: bool = False) -> Conversation:
    return corpus.converse(rng.choice([s for s in corpus.scenarios() if s.held_out == held_out]), rng)


@cache
def _words() -> list[str]:
    """The words of the pre-training conversations."""
    rng = Random(f"{SEED} words")
    texts = (text for _ in range(3000) for _, text in _conversation(rng).turns)
    return sorted({word.strip(".,?!").lower() for text in texts for word in text.split()} - {""})


def main() -> None:
    """Build, train, probe and save; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=FOLDER)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    began = time.monotonic()
    tokenizer, model = build_tokenizer(), new_model()
    tokenizer.save_pretrained(options.output)
    train(model, tokenizer, options.steps, options.output)
    model.save_pretrained(options.output)
    minutes = (time.monotonic() - began) / 60
    scores = probe(model, tokenizer, 500)
    print(scores)
    digest = hashlib.sha256((options.output / "model.safetensors").read_bytes()).hexdigest()
    print(f"{options.steps} steps, {minutes:.0f} minutes, {options.threads} threads, sha256 {digest}")


if __name__ == "__main__":
    main()
