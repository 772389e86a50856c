"""Assigns the files of a folder to splits: as its README says, or else by their names."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path, PurePath
from typing import Any

from huggingface_hub import metadata_load

from ..spec.errors import DataError, brief
from .data_files import READERS, kind
from .data_text import UNPACK

SPLITS = ("train", "validation", "test")
UNSPLIT = "whole"  # instead of a split's name: rows without splits
SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "development"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
AMBIGUOUS_NAMES = {"eval", "evaluation"}  # validation to some, test to others
SHARD = re.compile(r"(?P<name>.*?)-?(?P<number>\d+)-of-(?P<of>\d+)(?:-[0-9a-f]+)?")  # older ones end with a hash
METADATA_FILES = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "config.json"}
MAX_DEPTH = 3  # levels of folders below the given one


def find(folder: Path) -> tuple[Mapping[str, Sequence[Path]], list[str]]:
    """The files of each split, or of ``UNSPLIT``, in order; and the names of files that are skipped.

    Raises ``DataError`` if files are ambiguous or missing, or if there are none.
    """
    configured = _configured(folder)
    files = sorted(_files(folder))
    by_split = configured or _by_name(folder, files)
    if not by_split and (len(files) == 1 or (files and all(SHARD.fullmatch(_stem(file)) for file in files))):
        by_split = {UNSPLIT: files}
    if not by_split:
        raise DataError(
            f"{folder}: contains neither train/validation/test files ({', '.join(READERS)}, also compressed: "
            f"{', '.join(UNPACK)}) nor a saved Dataset or DatasetDict{_instead(folder, files)}"
        )
    used = {file for group in by_split.values() for file in group}
    whole = {split: _complete(split, by_split[split], listed=bool(configured)) for split in by_split}
    return whole, [str(file.relative_to(folder)) for file in files if file not in used]


def split_of(name: str) -> str | None:
    """The split that the words in a name mean, if any; raises ``DataError`` for a name that may mean several."""
    words = set(re.split(r"[^a-z]+", name.lower()))
    found = {SPLIT_NAMES[word] for word in words & set(SPLIT_NAMES)}
    if len(found) > 1:
        raise DataError(f"{brief(name)!r} may mean {' or '.join(sorted(found))}; rename it to one of them")
    if not found and words & AMBIGUOUS_NAMES:
        raise DataError(f"{brief(name)!r} may mean validation or test; rename it to one of them")
    return next(iter(found), None)


def _files(folder: Path) -> Iterable[Path]:
    """The data files of supported kinds that are neither hidden nor too many levels down."""
    for place, folders, names in os.walk(folder):
        depth = len(Path(place).relative_to(folder).parts)
        folders[:] = [name for name in folders if not name.startswith(".") and depth < MAX_DEPTH]
        visible = (Path(place) / name for name in names if not name.startswith(".") and name not in METADATA_FILES)
        yield from (path for path in visible if kind(path))


def _by_name(folder: Path, files: Iterable[Path]) -> dict[str, list[Path]]:
    """Files named after a split, or in a folder that is; only from the highest level, not counting ``data/``."""
    by_level: dict[int, dict[str, list[Path]]] = {}
    for file in files:
        path = file.relative_to(folder)
        places = [(part, split_of(part)) for part in path.parent.parts]
        split = split_of(_stem(path)) or next((found for _, found in reversed(places) if found), None)
        level = sum(part.lower() != "data" and found is None for part, found in places)
        if split:
            by_level.setdefault(level, {}).setdefault(split, []).append(file)
    found = by_level[min(by_level)] if by_level else {}
    return {split: found[split] for split in SPLITS if split in found}


def _complete(split: str, files: Sequence[Path], *, listed: bool) -> Sequence[Path]:
    """The files in order, if they are a single one, all parts of one, or ``listed`` as belonging together."""
    shards = {file: found for file in files if (found := SHARD.fullmatch(_stem(file)))}
    if len(shards) == len(files):
        _alike(split, shards)
        count = max(int(found["of"]) for found in shards.values())
        return _in_order(split, {file: found["number"] for file, found in shards.items()}, count, "-of-")
    numbers = {file: _stem(file) for file in files if _stem(file).isdecimal() and split_of(file.parent.name)}
    if len(numbers) == len(files):
        values = [int(number) for number in numbers.values()]
        return _in_order(split, numbers, max(values) + (0 in values), "")
    if len(files) > 1 and not listed:
        raise DataError(
            f"{_both(files)} are both for {split}; remove one of them or, if they belong together, name them "
            f"{split}-00000-of-{len(files):05}{kind(files[0])} and so on"
        )
    return files


def _alike(split: str, shards: Mapping[Path, re.Match[str]]) -> None:
    """Raise ``DataError`` for shards that are not of one file."""
    families = {(file.parent, kind(file), found["name"], int(found["of"])): file for file, found in shards.items()}
    if len(families) > 1:
        raise DataError(
            f"{_both([*families.values()])} are both for {split}, but not parts of one file; remove one of them"
        )


def _in_order(split: str, numbers: Mapping[Path, str], count: int, tail: str) -> Sequence[Path]:
    """Parts in order of their numbers, from 0 or 1, if each occurs once; ``tail`` follows the number in a name."""
    ordered = sorted(numbers, key=lambda file: int(numbers[file]))
    found = [int(numbers[file]) for file in ordered]
    begin = int(0 not in found and count in found)
    for one, other in pairwise(ordered):
        if int(numbers[one]) == int(numbers[other]):
            raise DataError(f"{_both([one, other])} are both part {numbers[one]} of {split}; remove one of them")
    wanted = range(begin, begin + count)
    if missing := set(wanted) - set(found):
        first = ordered[0]
        number = f"{min(missing):0{len(numbers[first])}}"
        path = first.with_name(first.name.replace(f"{numbers[first]}{tail}", f"{number}{tail}", 1))
        raise DataError(f"{path}: is missing; only {len(found)} of {count} parts of {split} exist")
    if found[-1] not in wanted:
        raise DataError(f"{ordered[-1]}: is not one of the {count} parts of {split}; remove it")
    return ordered


def _both(files: Sequence[Path]) -> str:
    """Two files, and the folder that contains both."""
    one, other = files[:2]
    place = Path(os.path.commonpath([one.parent, other.parent]))
    return f"{place}: {one.relative_to(place)} and {other.relative_to(place)}"


def _stem(path: PurePath) -> str:
    """A file's name without the suffixes of its format and compression."""
    name = path.name
    while PurePath(name).suffix.lower() in (*READERS, *UNPACK):
        name = PurePath(name).stem
    return name


def _instead(folder: Path, files: Sequence[Path]) -> str:
    if not files:
        return ""
    return f"; name one of its files instead, such as --data={files[0]}, which is then split by source"


def _configured(folder: Path) -> dict[str, list[Path]]:
    """The files of each split that the README's ``configs`` list, as the hub reads them; empty if there are none."""
    config = _config(folder / "README.md")
    listed = config.get("data_files")
    if not listed:
        return {}
    items = listed if isinstance(listed, list) else [listed]
    by_split: dict[str, list[Path]] = {}
    for item in items:
        name, paths = (item.get("split"), item.get("path")) if isinstance(item, dict) else (UNSPLIT, item)
        split = name if name == UNSPLIT else split_of(str(name))
        patterns = paths if isinstance(paths, list) else [paths]
        if split:
            by_split.setdefault(split, []).extend(_matching(folder, [str(pattern) for pattern in patterns]))
    return by_split


def _config(card: Path) -> Mapping[str, Any]:
    """The default one of the README's ``configs``."""
    try:
        configs = (metadata_load(card) or {}).get("configs") if card.is_file() else None
    except Exception as error:  # YAML's, or the decoder's
        raise DataError(f"{card}: its front matter cannot be read: {brief(error, 200)}") from error
    found = [each for each in configs if isinstance(each, dict)] if isinstance(configs, list) else []
    usual = [each for each in found if each.get("default") or each.get("config_name") == "default"]
    if len(found) > 1 and not usual:
        names = brief(", ".join(str(each.get("config_name")) for each in found), 150)
        raise DataError(f"{card}: has several configs and no default: {names}; name a file or folder of one of them")
    return next(iter(usual or found), {})


def _matching(folder: Path, patterns: Sequence[str]) -> list[Path]:
    found = [file for pattern in patterns for file in sorted(folder.glob(pattern)) if file.is_file() and kind(file)]
    if not found:
        raise DataError(f"{folder / 'README.md'}: no file for its data_files {brief(', '.join(patterns), 150)}")
    return list(dict.fromkeys(found))
