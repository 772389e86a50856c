"""A file's bytes as text: decompressed, and decoded by byte order mark or as UTF-8; or the encoding to try."""

import bz2
import gzip
import lzma
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import charset_normalizer
import pyarrow

from ..spec.errors import DataError

BYTE_ORDER_MARKS = (  # UTF-32's come first, since they begin with UTF-16's
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
NOT_DECODED = re.compile("[\udc80-\udcff]")  # what errors="surrogateescape" turns undecodable bytes into
LATIN_1 = "cp1252"  # Latin-1 with some more characters
ENCODINGS = (  # in which text files are still written
    *(LATIN_1, "cp1250", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256", "cp874"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949"),
)
MAX_GUESS_BYTES = 200_000


def decoded(raw: bytes) -> str:
    """The file as text, with undecodable bytes as ``NOT_DECODED``; raises an error if it is not text at all."""
    encoding = next((name for mark, name in BYTE_ORDER_MARKS if raw.startswith(mark)), "utf-8")
    text = raw.decode(encoding, errors="surrogateescape" if encoding.startswith("utf-8") else "strict")
    if "\0" in text:
        guess = "UTF-16LE" if raw[1:2] == b"\0" else "UTF-16BE" if raw[:1] == b"\0" else ""
        remedy = f"; convert it: iconv -f {guess} -t UTF-8" if guess else ""
        raise DataError(f"has NUL characters, so it is not UTF-8 text{remedy}")
    return text


def not_utf8(raw: bytes) -> str:
    """The problem with a file that contains ``NOT_DECODED``, and what to do."""
    guess = _guess(raw[:MAX_GUESS_BYTES])
    called = "Latin-1 (cp1252)" if guess == LATIN_1 else guess
    return f"is not UTF-8; the file is probably {called}: convert it with iconv -f {guess} -t UTF-8"


def _guess(raw: bytes) -> str:
    """The encoding to try; cp1252, the most common one, if it fits equally well or gives the same text."""
    found = list(charset_normalizer.from_bytes(raw, cp_isolation=[*ENCODINGS]))
    alike = {each.encoding for each in found if (each.chaos, each.coherence) == (found[0].chaos, found[0].coherence)}
    texts = {raw.decode(name, errors="replace") for name in ([found[0].encoding] if found else []) + [LATIN_1]}
    return LATIN_1 if LATIN_1 in alike or len(texts) == 1 else found[0].encoding


def _unpack_zst(path: Path) -> bytes:
    with pyarrow.OSFile(str(path)) as file, pyarrow.CompressedInputStream(file, "zstd") as stream:
        return bytes(stream.read())


UNPACK: Mapping[str, Callable[[Path], bytes]] = {
    ".gz": lambda path: gzip.decompress(path.read_bytes()),
    ".bz2": lambda path: bz2.decompress(path.read_bytes()),
    ".xz": lambda path: lzma.decompress(path.read_bytes()),
    ".zst": _unpack_zst,
}
