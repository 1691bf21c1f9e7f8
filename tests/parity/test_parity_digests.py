"""`digests` against eth-account's generic encoder and against `counterfoil.formats`."""

from __future__ import annotations

from counterfoil.errors import BadSignature
from counterfoil.formats.batch import Batch, LogOpening
from counterfoil.formats.receipt import Receipt
from counterfoil.hashing.eip712 import domain_separator
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.signature import recover
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import to_checksum_address
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NOBODY = "0x" + "00" * 20
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

quick = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
word = st.binary(min_size=32, max_size=32)
address = st.binary(min_size=20, max_size=20).map(to_checksum_address)
u64 = st.integers(0, 2**64 - 1)

TYPES = {
    "Receipt": "address signer,uint64 sequence,bytes32 model,bytes32 runtime,bytes32 request,"
    "bytes32 inputs,bytes32 outputs,uint64 issuedAt,uint64 settleBy",
    "Batch": "address signer,uint64 first,uint64 size,bytes32 root,string uri",
    "LogOpening": "address operator,address signer,uint64 closesAt,uint32 maxDelay",
}


def typed(name: str, values: tuple, chain_id: int, ledger: str) -> bytes:
    """The digest as eth-account's generic encoder makes it."""
    fields = [field.split(" ") for field in TYPES[name].split(",")]
    domain = {
        "name": "Counterfoil",
        "version": "1",
        "chainId": chain_id,
        "verifyingContract": ledger,
    }
    message = encode_typed_data(
        domain,
        {name: [{"type": kind, "name": field} for kind, field in fields]},
        {field: value for (_, field), value in zip(fields, values, strict=True)},
    )
    return keccak(b"\x19\x01" + message.header + message.body)


@quick
@given(chain_id=st.integers(0, 2**256 - 1), ledger=address)
def test_domain__equals_python_s(digests, chain_id, ledger):
    assert digests.domain_of(chain_id, ledger) == domain_separator(chain_id, ledger)


def test_domain__is_the_named_ledger_s(digests, named_ledger, chain):
    assert digests.domain() == domain_separator(chain.chain_id, named_ledger)


@quick
@given(
    receipt=st.builds(
        Receipt, signer=address, sequence=u64, model=word, runtime=word, request=word,
        inputs=word, outputs=word, issued_at=u64, settle_by=u64,
    )
)  # fmt: skip
def test_receipt__equals_both(digests, named_ledger, chain, receipt):
    digest = digests.receipt(receipt.abi())
    assert digest == receipt.digest(chain.chain_id, named_ledger)
    assert digest == typed("Receipt", receipt.abi(), chain.chain_id, named_ledger)


uris = st.text(max_size=256).filter(lambda uri: len(uri.encode()) <= 256)


@quick
@given(batch=st.builds(Batch, signer=address, first=u64, size=u64, root=word, uri=uris))
def test_batch__equals_both(digests, named_ledger, chain, batch):
    digest = digests.batch(batch.abi())
    assert digest == batch.digest(chain.chain_id, named_ledger)
    assert digest == typed("Batch", batch.abi(), chain.chain_id, named_ledger)


@quick
@given(
    opening=st.builds(
        LogOpening,
        operator=address,
        signer=address,
        closes_at=u64,
        max_delay=st.integers(0, 2**32 - 1),
    )
)
def test_log_opening__equals_both(digests, named_ledger, chain, opening):
    fields = opening.operator, opening.signer, opening.closes_at, opening.max_delay
    digest = digests.log_opening(*fields)
    assert digest == opening.digest(chain.chain_id, named_ledger)
    assert digest == typed("LogOpening", fields, chain.chain_id, named_ledger)


@quick
@given(secret=st.integers(1, ORDER - 1), digest=word)
def test_recover__a_genuine_signature__equals_python_s(digests, secret, digest):
    account = Account.from_key(secret.to_bytes(32, "big"))
    signature = bytes(account.unsafe_sign_hash(digest).signature)
    assert digests.recover(digest, signature) == account.address
    assert recover(digest, signature) == account.address
    assert digests.signature_fault(digest, signature, account.address) == ""


numbers = st.one_of(
    st.integers(0, 2**256 - 1),
    st.integers(-2, 2).map(lambda k: ORDER // 2 + k),
    st.integers(-2, 2).map(lambda k: ORDER + k),
    st.integers(0, 2),
)


@quick
@given(
    digest=word,
    r=numbers,
    s=numbers,
    v=st.one_of(st.sampled_from([27, 28]), st.integers(0, 255)),
    length=st.one_of(st.just(65), st.integers(0, 65)),
)
def test_recover__any_bytes__equals_python_s(digests, digest, r, s, v, length):
    signature = (r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v]))[:length]
    try:
        expected = recover(digest, signature)
    except BadSignature:
        expected = NOBODY
    assert digests.recover(digest, signature) == expected
    # nobody signs as zero, whatever comes back
    assert digests.signature_fault(digest, signature, NOBODY) != ""
    if expected != NOBODY:
        assert digests.signature_fault(digest, signature, expected) == ""
