"""Files made to cost their reader: refused soon, in bounded memory, and in a line."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from counterfoil.errors import FileTooLarge, MalformedFile
from counterfoil.formats import strict_json
from counterfoil.formats.receipt_file import Opening, ReceiptFile
from counterfoil.formats.set_opening import SetOpening
from counterfoil.formats.strict_json import MAX_BYTES, MAX_DEPTH, MAX_VALUES
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing.types import ZERO

VECTORS = Path(__file__).parents[2] / "vectors"
SOON = 30
"""Seconds on a busy machine; what took quadratic time here would take hours."""

HOSTILE = {
    "nesting": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nests deeper than 32"),
    "nesting of lists": (b"[" * 100_000, "nests deeper than 32"),
    "nesting without end": (b"[" * 60_000_000, "holds more than 4194304 values"),
    "escaped quotes": (b'{"a":"' + b'\\"' * 30_000_000, "Unterminated string"),
    "backslashes": (b'{"a":"' + b"\\" * 60_000_000, "Unterminated string"),
    "quotes": (b'"' * 20_000_001, "is no JSON"),
    "empty lists": (b'{"a":[' + b"[]," * 20_000_000 + b"1]}", "holds more than 4194304 values"),
    "numbers": (b'{"a":[' + b"1," * 30_000_000 + b"1]}", "holds more than 4194304 values"),
    "digits": (b'{"a":' + b"1" * 60_000_000 + b"}", "a number has over 100 digits"),
    "fraction": (b'{"format":0.' + b"1" * 10_000_000 + b"}", "format is no string"),
    "one key twice": (
        b"{" + b",".join(b'"%d":1' % i for i in range(500_000)) + b',"7":1}',
        "the key '7' stands twice",
    ),
    "many keys twice": (b"{" + b'"a":1,' * 500_000 + b'"a":1}', "the key 'a' stands twice"),
    "surrogates": (b'{"a":[' + b'"\\ud800",' * 500_000 + b"1]}", "half of a surrogate pair"),
    "long name": (b'{"format":"' + b"x\\n" * 10_000_000 + b'"}', "the file's format is"),
    "long key twice": (
        b'{"%s":1,"%s":1}' % (b"k" * 20_000_000, b"k" * 20_000_000),
        "stands twice in one object",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_parse__hostile_file__is_refused_soon(name):
    raw, message = HOSTILE[name]
    began = time.process_time()
    with pytest.raises(MalformedFile) as caught:
        ReceiptFile.parse(raw)
    assert time.process_time() - began < SOON
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_parse__100_mb__is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "huge.json"
    with path.open("wb") as stream:
        stream.truncate(100 * 2**20)  # a sparse file: no such memory must be taken
    for load in (lambda: ReceiptFile.load(path), lambda: ReceiptFile.parse(bytes(100 * 2**20))):
        with pytest.raises(FileTooLarge, match=r"is over 64 MiB$") as caught:
            load()
        assert "\n" not in str(caught.value)


def test_read__a_file_without_end__is_refused():
    with pytest.raises(FileTooLarge, match=r"'/dev/zero' is over 64 MiB"):
        ReceiptFile.load("/dev/zero")


def test_parse__exactly_the_limits__is_taken():
    text = b'{"a":"' + b"x" * (MAX_BYTES - 8) + b'"}'
    assert len(text) == MAX_BYTES
    assert len(strict_json.parse(text)["a"]) == MAX_BYTES - 8
    with pytest.raises(FileTooLarge):
        strict_json.parse(text + b" ")
    deep = b'{"a":' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}"
    assert strict_json.parse(deep)
    with pytest.raises(MalformedFile, match="nests deeper"):
        strict_json.parse(deep.replace(b"[]", b"[[]]"))


def test_parse__brackets_in_strings__are_no_nesting():
    text = b'{"a": "' + b'[{\\"' * 1000 + b'", "b": "\\\\", "c": "]"}'
    assert strict_json.parse(text)["b"] == "\\"


@pytest.mark.parametrize("value", ["0", "-0.0", "1e400", "-1e400", "1E5", "0.1", "-1"])
def test_parse__numbers_of_unknown_fields__are_kept_or_refused_whole(value):
    raw = b'{"a": %s}' % value.encode()
    if "400" in value:
        with pytest.raises(MalformedFile, match="is past what JSON readers hold"):
            strict_json.parse(raw)
    else:
        found = strict_json.parse(raw)
        assert repr(strict_json.parse(strict_json.dump(found))) == repr(found)


def test_parse__largest_legal_file__takes_seconds():
    """60 MB, most of it one tensor: measured at about a second for each step."""
    data = bytes(range(256)) * (44 * 2**20 // 256)
    whole = SetOpening(
        master=ZERO, tensors=(Tensor(name="x", dtype=2, shape=(len(data),), data=data),)
    )
    plain = ReceiptFile.load(VECTORS / "files/good-plain.json")
    raw = ReceiptFile(
        chain_id=plain.chain_id,
        ledger=plain.ledger,
        receipt=plain.receipt,
        signature=plain.signature,
        opening=Opening(inputs=whole),
    ).dump()
    assert 60e6 < len(raw) < MAX_BYTES
    began = time.process_time()
    file = ReceiptFile.parse(raw)
    assert time.process_time() - began < SOON
    assert file.opening is not None
    assert file.opening.inputs == whole


@pytest.mark.slow
def test_parse__most_values__take_bounded_memory(tmp_path):
    """The costliest values that the limits allow, in a process that may take 2 GiB."""
    script = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, (2 * 2**30, 2 * 2**30))
from counterfoil.errors import MalformedFile
from counterfoil.formats.receipt_file import ReceiptFile
for value in (b"{{}}", b"[]", b"1234567", b'"xxxxx"', b'"\\\\u0100"'):
    count = {MAX_VALUES} // (2 if value in (b"{{}}", b"[]") else 1) - 10
    try:
        ReceiptFile.parse(b'{{"a":[' + b",".join([value] * count) + b"]}}")
    except MalformedFile as error:
        assert "file.format is missing" in str(error), error
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-1000:]
