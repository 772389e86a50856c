"""Tiny random checkpoints of the kinds that people have, each with a vocabulary of its kind."""

import json
import shutil
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from tokenizers import ByteLevelBPETokenizer, Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BartModel,
    ByT5Tokenizer,
    GemmaTokenizer,
    M2M100Config,
    M2M100ForConditionalGeneration,
    MarianConfig,
    MarianMTModel,
    MBartConfig,
    MBartForConditionalGeneration,
    MT5Config,
    MT5ForConditionalGeneration,
    PegasusConfig,
    PegasusForConditionalGeneration,
    T5Config,
    T5ForConditionalGeneration,
    T5GemmaConfig,
    T5GemmaForConditionalGeneration,
)
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

from harness.catalogue.architectures import GEMMA
from harness.models.base_model import Model

T5 = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_heads": 4, "num_layers": 2, "decoder_start_token_id": 0}
BART = {
    **{f"{side}_{what}": size for side in ("encoder", "decoder") for what, size in (("layers", 2), ("ffn_dim", 64))},
    **{f"{side}_attention_heads": 4 for side in ("encoder", "decoder")},
    "d_model": 32,
    "max_position_embeddings": 256,
}
T5_PIECES = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
FAIRSEQ_PIECES = {"unk_id": 0, "bos_id": 1, "eos_id": 2}


def t5(folder: Path, texts: Iterable[str]) -> Model:
    """A T5 that has its vocabulary in ``spiece.model`` alone."""
    pieces(folder / "spiece.model", texts, **T5_PIECES)
    return T5ForConditionalGeneration(T5Config(vocab_size=512, **T5))


def mt5(folder: Path, texts: Iterable[str]) -> Model:
    """An mT5, likewise."""
    pieces(folder / "spiece.model", texts, **T5_PIECES)
    return MT5ForConditionalGeneration(MT5Config(vocab_size=512, **T5))


def byt5(folder: Path, texts: Iterable[str]) -> Model:
    """A ByT5, which reads bytes and has no vocabulary."""
    ByT5Tokenizer().save_pretrained(folder)
    return T5ForConditionalGeneration(T5Config(vocab_size=384, **T5))


def bart(folder: Path, texts: Iterable[str]) -> Model:
    """A BART with ``vocab.json`` and ``merges.txt``."""
    return BartForConditionalGeneration(_bart_config(folder, texts))


def bart_model(folder: Path, texts: Iterable[str]) -> Model:
    """A BART saved without its head: no name begins with ``model.``."""
    return BartModel(_bart_config(folder, texts))


def mbart(folder: Path, texts: Iterable[str]) -> Model:
    """An mBART with ``sentencepiece.bpe.model`` alone."""
    pieces(folder / "sentencepiece.bpe.model", texts, **FAIRSEQ_PIECES)
    return MBartForConditionalGeneration(MBartConfig(vocab_size=600, decoder_start_token_id=2, **BART))


def mbart50(folder: Path, texts: Iterable[str]) -> Model:
    """An mBART-50, likewise; its texts begin with their language."""
    pieces(folder / "sentencepiece.bpe.model", texts, **FAIRSEQ_PIECES)
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "MBart50Tokenizer"}))
    return MBartForConditionalGeneration(MBartConfig(vocab_size=600, decoder_start_token_id=2, **BART))


def m2m100(folder: Path, texts: Iterable[str]) -> Model:
    """An M2M100 with ``vocab.json`` and ``sentencepiece.bpe.model``; its positions are in no state."""
    vocabulary = pieces(folder / "sentencepiece.bpe.model", texts, **FAIRSEQ_PIECES)
    known = ["<s>", "<pad>", "</s>", "<unk>", *vocabulary[3:]]
    (folder / "vocab.json").write_text(json.dumps({piece: number for number, piece in enumerate(known)}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"src_lang": "en"}))
    return M2M100ForConditionalGeneration(M2M100Config(vocab_size=400, **BART))


def nllb(folder: Path, texts: Iterable[str]) -> Model:
    """An NLLB with ``sentencepiece.bpe.model``; ``tokenizer_config.json`` has the places of its languages."""
    known = len(pieces(folder / "sentencepiece.bpe.model", texts, **FAIRSEQ_PIECES)) + 1
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    places = {**dict(enumerate(special)), **dict(enumerate([*FAIRSEQ_LANGUAGE_CODES, "<mask>"], start=known))}
    added = {str(place): {"content": token, "special": True} for place, token in places.items()}
    config = {"tokenizer_class": "NllbTokenizer", "src_lang": "eng_Latn", "added_tokens_decoder": added}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return M2M100ForConditionalGeneration(M2M100Config(vocab_size=400, **BART))


def marian(folder: Path, texts: Iterable[str]) -> Model:
    """A Marian with ``source.spm`` and ``target.spm``; the pad token is the last, and no positions are saved."""
    vocabulary = pieces(folder / "source.spm", texts, **FAIRSEQ_PIECES)
    shutil.copy(folder / "source.spm", folder / "target.spm")
    known = dict.fromkeys(["</s>", "<unk>", *vocabulary[3:], "<pad>"])
    (folder / "vocab.json").write_text(json.dumps({piece: number for number, piece in enumerate(known)}))
    pad = len(known) - 1
    special = {"pad_token_id": pad, "decoder_start_token_id": pad, "eos_token_id": 0, "forced_eos_token_id": 0}
    return MarianMTModel(MarianConfig(vocab_size=len(known), decoder_vocab_size=len(known), **special, **BART))


def pegasus(folder: Path, texts: Iterable[str]) -> Model:
    """A Pegasus with ``spiece.model`` alone; the positions that it computes are saved."""
    pieces(folder / "spiece.model", texts, **T5_PIECES)
    return PegasusForConditionalGeneration(PegasusConfig(vocab_size=512, **BART))


def t5gemma(folder: Path, texts: Iterable[str]) -> Model:
    """A T5Gemma: its tokenizer begins every text and ends none, and no token is named that answers begin with."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")  # which learns no words of several
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    learned = json.loads(tokenizer.to_str())["model"]
    merges = [tuple(pair) for pair in learned["merges"]]
    GemmaTokenizer(vocab=learned["vocab"], merges=merges, add_bos_token=True).save_pretrained(folder)
    stack = {**GEMMA, "vocab_size": 300}
    return T5GemmaForConditionalGeneration(
        T5GemmaConfig(encoder=stack, decoder={**stack, "cross_attention_hidden_size": 32}, vocab_size=300)
    )


KINDS = {
    kind.__name__: kind
    for kind in (t5, mt5, byt5, bart, bart_model, mbart, mbart50, m2m100, nllb, marian, pegasus, t5gemma)
}


def save(kind: str, folder: Path, texts: Iterable[str]) -> Path:
    """A new folder with a checkpoint of that kind."""
    folder.mkdir()
    torch.manual_seed(0)
    KINDS[kind](folder, texts).save_pretrained(folder)
    return folder


def pieces(path: Path, texts: Iterable[str], **special: Any) -> list[str]:
    """Train a SentencePiece model of at most two hundred pieces; returns them in their order."""
    model = BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        vocab_size=200,
        hard_vocab_limit=False,
        num_threads=1,
        minloglevel=2,
        **special,
    )
    path.write_bytes(model.getvalue())
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return [processor.id_to_piece(number) for number in range(processor.get_piece_size())]


def _bart_config(folder: Path, texts: Iterable[str]) -> BartConfig:
    tokenizer = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer.train_from_iterator(texts, vocab_size=300, special_tokens=special, show_progress=False)
    tokenizer.save_model(str(folder))
    return BartConfig(vocab_size=300, **BART)
