"""What web3 and eth-tester raise, as our own errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from web3.exceptions import (
    BadFunctionCallOutput,
    ContractLogicError,
    Web3Exception,
    Web3RPCError,
)

from counterfoil.errors import (
    BadAnswer,
    ChainError,
    CounterfoilError,
    NoContract,
    NonceTaken,
    OutOfFunds,
    RangeTooWide,
    Refused,
    Underpriced,
)

_FUNDS = ("insufficient funds", "insufficientfunds", "cannot afford", "gas required exceeds")
_NONCE = ("nonce too low", "nonce is too low", "invalid transaction nonce", "already known")
_PRICE = ("underpriced", "lower than block's base fee", "less than block base fee", "fee too low")
_RANGE = ("block range", "too many results", "more than", "range is too", "limit exceeded", "range")
_REVERT = re.compile(
    r"^.*?(?:execution reverted|vm exception while processing transaction: reverted?"
    r"(?: with reason string)?)[:,]? ?",
    re.IGNORECASE | re.DOTALL,
)
_ERROR_STRING = "0x08c379a0"
"""Selector of Error(string). Source: Solidity's ABI specification, revert."""


@contextmanager
def translated(host: str) -> Iterator[None]:
    """Run calls of web3 so that only our errors leave.

    Args:
        host: how messages call the RPC.
    """
    try:
        yield
    except CounterfoilError:
        raise
    except Exception as error:  # web3 lets a bad answer's KeyError and TypeError through
        raise _ours(error, host) from error


def _ours(error: Exception, host: str) -> ChainError:
    text = _text(error)
    low = text.lower()
    out = _by_words(low, text)
    if out is not None:
        pass
    elif (
        isinstance(error, ContractLogicError)
        or _is_eth_tester(error, "TransactionFailed")
        or (isinstance(error, Web3RPCError) and "revert" in low)
    ):
        out = Refused(_reason(error, text))
    elif isinstance(error, BadFunctionCallOutput) and "decode" not in low:
        out = NoContract(
            "no contract answers at the address: check the profile's chain and addresses"
        )
    elif isinstance(error, Web3RPCError) and any(word in low for word in _RANGE):
        out = RangeTooWide(f"{host} limits what one request covers: {text}")
    elif isinstance(error, Web3Exception):
        out = BadAnswer(f"{host} answers with an error: {text}")
    else:
        out = BadAnswer(f"{host} answers with what is no answer ({type(error).__name__}: {text})")
    return out


def _by_words(low: str, text: str) -> ChainError | None:
    """Conditions that nodes tell by words alone, each in its own."""
    if any(word in low for word in _FUNDS):
        return OutOfFunds(f"the payer cannot pay for the transaction: send it gas money ({text})")
    if any(word in low for word in _NONCE):
        return NonceTaken(f"the payer's nonce is taken: {text}")
    if any(word in low for word in _PRICE):
        return Underpriced(f"the node wants a higher fee: {text}")
    return None


def _reason(error: Exception, text: str) -> str:
    """A revert's own words."""
    data = getattr(error, "data", None)
    if isinstance(data, str) and data.startswith(_ERROR_STRING):
        try:
            raw = bytes.fromhex(data[10:])
            return raw[64 : 64 + int.from_bytes(raw[32:64], "big")].decode()
        except ValueError:
            pass
    found = _REVERT.sub("", text, count=1).strip()
    return "" if found.lower() in ("", "b''", "no data") else found


def _text(error: Exception) -> str:
    """An error's message on one line, of bounded length: it comes from outside."""
    rpc = getattr(error, "rpc_response", None)
    message = rpc.get("error", {}).get("message") if isinstance(rpc, dict) else None
    if not isinstance(message, str):
        message = getattr(error, "message", None)
    if not isinstance(message, str):
        message = str(error.args[0]) if error.args else type(error).__name__
    return " ".join(message.split())[:300]


def _is_eth_tester(error: Exception, name: str) -> bool:
    kind = type(error)
    return kind.__module__.partition(".")[0] == "eth_tester" and kind.__name__ == name
