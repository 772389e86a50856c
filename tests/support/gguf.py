"""GGUF files with metadata and without tensors, written by hand."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

Value: TypeAlias = str | int | float | Sequence[str] | Sequence[int]

UINT32, FLOAT32, STRING, ARRAY = 4, 6, 8, 9  # GGUF's types of values
LFM2: Mapping[str, Value] = {  # an architecture whose metadata transformers reads without another package
    "general.architecture": "lfm2",
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.tokens": ["a", "b", "ab", "!"],
    "tokenizer.ggml.merges": ["a b"],
    "lfm2.attention.head_count_kv": [0, 2],
    "lfm2.attention.layer_norm_rms_epsilon": 1e-5,
    "lfm2.rope.freq_base": 10_000.0,
    "lfm2.context_length": 64,
    "lfm2.embedding_length": 16,
    "lfm2.feed_forward_length": 32,
    "lfm2.block_count": 2,
    "lfm2.attention.head_count": 4,
    "lfm2.shortconv.l_cache": 3,
    "tokenizer.ggml.eos_token_id": 3,
}


def write(path: Path, metadata: Mapping[str, Value]) -> Path:
    """Write a file that has these values and no tensor, and return its path."""
    values = b"".join(_text(key) + _typed(value) for key, value in metadata.items())
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(metadata)) + values)
    return path


def _typed(value: Value) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", STRING) + _text(value)
    if isinstance(value, float):
        return struct.pack("<If", FLOAT32, value)
    if isinstance(value, int):
        return struct.pack("<II", UINT32, value)
    kind = STRING if isinstance(value[0], str) else UINT32
    items = b"".join(_text(each) if isinstance(each, str) else struct.pack("<I", each) for each in value)
    return struct.pack("<IIQ", ARRAY, kind, len(value)) + items


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()
