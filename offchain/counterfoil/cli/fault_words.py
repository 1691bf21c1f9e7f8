"""Where a receipt stands before its ledger's fault court, in words."""

from __future__ import annotations

from typing import Any

from counterfoil.chain import Chain, FaultCourtClient
from counterfoil.config import Profile
from counterfoil.errors import ChainError
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.formats.runtime import Program
from counterfoil.hashing.types import Address
from counterfoil.verify import Trust

from .output import when


def fault_state(
    file: ReceiptFile, trust: Trust, chain: Chain | None
) -> tuple[str, dict[str, Any]] | None:
    """A line for people, and fields for programs; None: there is nothing to say.

    That is where no fault court of the receipt's ledger is known, or its file does not say that
    an exact program made it.
    """
    address = _court_of(file, trust)
    if address is None or chain is None:
        return None
    court = FaultCourtClient(chain, address)
    court.require(file.ledger)
    case = court.case_of(file.digest)
    data: dict[str, Any] = {"state": case.state or "unchallenged", "asserted": case.asserted}
    if case.state:
        data |= {"closesAt": case.closes_at, "openDemands": case.open_demands}
        return _of_case(case.state, case.asserted, case.closes_at), data
    if file.inclusion is None:
        return "unchallenged: not settled, as far as this file shows", data
    until = file.inclusion.posted_at + court.terms(file.receipt.signer).summon_window
    if court.is_final(file.receipt, file.inclusion):
        data["state"] = "final"
        return "final: nobody challenged it while it could be", data
    data["summonUntil"] = until
    return f"unchallenged; it can be challenged until {when(until)}", data


def _of_case(state: str, asserted: bool, closes_at: int) -> str:
    begun = "asserted" if asserted else "challenged"
    return {
        "summoned": "challenged: the operator's trace is due",
        "open": f"{begun}: final after {when(closes_at)}, if nothing is proved or withheld",
        "final": f"final: {begun}, and nothing was proved",
        "faulty": "FAULTY: the run was proved wrong, or withheld",
    }[state]


def quietly(
    file: ReceiptFile, settings: Profile, chain: Chain | None
) -> tuple[str, dict[str, Any]] | None:
    """As `fault_state`, where a node that does not answer is no reason to fail."""
    trust = Trust.of(settings)
    try:
        if (
            chain is None
            and settings.rpc is not None
            and file.chain_id == settings.chain_id
            and _court_of(file, trust) is not None
        ):
            chain = Chain.connect(settings.rpc, expect_chain_id=settings.chain_id)
        return fault_state(file, trust, chain)
    except ChainError as error:
        return f"not known: {' '.join(str(error).split())}", {"state": None}


def _court_of(file: ReceiptFile, trust: Trust) -> Address | None:
    """The fault court of an exact program's receipt, None: none is known, or no such receipt."""
    preimage = file.preimage
    if preimage is None or not isinstance(preimage.runtime, Program):
        return None
    return trust.fault_courts.get((file.chain_id, file.ledger))
