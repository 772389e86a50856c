"""The hashes that Tuneoff stores stay what they are: of the same bytes, the same twelve digits."""

import hashlib

from harness.spec.hashing import digest, digest_json, digest_of


def test_a_hash_is_the_first_twelve_hex_digits_of_sha256():
    assert digest(b"some bytes") == hashlib.sha256(b"some bytes").hexdigest()[:12]


def test_parts_are_hashed_as_if_they_were_one():
    assert digest(b"some ", b"bytes") == digest_of(iter([b"some", b" bytes"])) == digest(b"some bytes")


def test_the_order_of_keys_makes_no_difference_and_that_of_a_list_does():
    assert digest_json({"a": 1, "b": [1, 2]}) == digest_json({"b": [1, 2], "a": 1}) == digest(b'{"a": 1, "b": [1, 2]}')
    assert digest_json([1, 2]) != digest_json([2, 1])
