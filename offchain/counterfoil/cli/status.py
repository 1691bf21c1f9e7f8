"""`counterfoil status`: what this set-up has sealed and settled."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any

import click

from counterfoil import config
from counterfoil.config import LOCAL, Profile
from counterfoil.errors import JournalMissing
from counterfoil.inference import latency
from counterfoil.journal import Journal
from counterfoil.settle.timing import danger

from .output import Output, command, shown_rpc, when
from .settle import IN_DANGER


@click.command("status")
@command
def cli(out: Output, profile: str | None) -> None:
    """What this set-up has sealed and settled. Asks no chain: the journal's own knowledge."""
    settings = config.load_profile(profile)
    out.say(f"profile   {settings.name}: chain {settings.chain_id}, ledger {settings.ledger}")
    node = shown_rpc(settings)
    out.say(f"node      {node or 'none'}")
    data: dict[str, Any] = {
        "profile": settings.name,
        "chainId": settings.chain_id,
        "ledger": settings.ledger,
        "rpc": node,
        "logs": [],
    }
    late = False
    with ExitStack() as stack:
        try:
            journals = Journal.open_all(settings)
        except JournalMissing:
            journals = []
            out.say("journal   none yet: the first receipt makes it")
        for journal in journals:
            stack.callback(journal.close)
            entry, lines = _log(journal, settings)
            data["logs"].append(entry)
            late = late or bool(entry["broken"] or entry["danger"])
            for line in lines:
                out.say(line)
    added = latency.summary(latency.folder_of(settings))
    data["added"] = added
    if added is not None:
        out.say(
            f"added     {added['medianMicroseconds']:,.0f} µs a run, 99th percentile "
            f"{added['p99Microseconds']:,.0f} µs, over {added['runs']:,} runs of the last day"
        )
    if settings.name == LOCAL:
        note = "sealed for the local chain: these receipts can never settle elsewhere"
        data["note"] = note
        out.say(f"note      {note}")
    if out.json:
        out.result(data)
    raise SystemExit(IN_DANGER if late else 0)


def _log(journal: Journal, settings: Profile) -> tuple[dict[str, Any], list[str]]:
    pending, batches = journal.pending(), journal.batches()
    counts = dict.fromkeys(("cut", "sent", "posted", "final"), 0)
    for batch in batches:
        counts[batch.state] += batch.batch.size
    unposted = [b for b in batches if b.state in ("cut", "sent")]
    earliest = journal.earliest_promise()
    log = journal.log_state()
    refusal = journal.refusal()
    now = int(time.time())
    risk = danger(pending, unposted, settings, now, None if log is None else log.max_delay)
    entry: dict[str, Any] = {
        "signer": journal.signer,
        "sealed": journal.next_sequence(),
        "waiting": pending.count,
        "batches": counts,
        "earliestSettleBy": earliest,
        "broken": earliest is not None and earliest < now,
        "danger": None if risk is None else str(risk),
        "log": None
        if log is None
        else {
            "operator": log.operator,
            "closesAt": log.closes_at,
            "revokedAt": log.revoked_at,
            "maxDelay": log.max_delay,
            "nextSequence": log.next_sequence,
        },
        "refusal": None if refusal is None else str(refusal),
    }
    lines = [
        f"log       {journal.signer}",
        f"  sealed    {entry['sealed']} receipts",
        f"  waiting   {pending.count} in no batch, {counts['cut'] + counts['sent']} on their way",
        f"  settled   {counts['posted']} posted, {counts['final']} final",
    ]
    if log is None:
        lines.append("  open      not yet, as far as this machine knows: promises are not made")
    elif log.revoked_at:
        lines.append(f"  revoked   {when(log.revoked_at)}")
    else:
        lines.append(f"  open      until {when(log.closes_at)}, operator {log.operator}")
    if earliest is not None:
        word = "BROKEN" if entry["broken"] else "promise" if risk is None else "DANGER"
        lines.append(f"  {word:9} the earliest is due {when(earliest)}")
    if refusal is not None:
        lines.append(f"  REFUSES   {refusal}")
    return entry, lines
