"""`counterfoil replay`: a receipt's inference again, and whether it gives the same."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from counterfoil import config
from counterfoil.chain import Chain, RegistryClient
from counterfoil.config import LOCAL, Profile
from counterfoil.errors import (
    BadConfig,
    ChainError,
    CounterfoilError,
    ModelNotFound,
    NotReplayable,
)
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.journal import Journal
from counterfoil.publish.hosts import Hosts
from counterfoil.replay import ABSOLUTE, RELATIVE, Comparison, Models, Replay, Replayer, Tolerance
from counterfoil.verify import Trust, verify

from .output import Output, command, file_argument

DIFFERENT = 6
"""Exit code: a run done again gave something else."""

UNDECIDED = 4
"""Exit code: nothing was different, and not every receipt could be replayed."""


@click.command("replay")
@click.argument(
    "files", type=click.Path(path_type=Path, exists=True), nargs=-1, callback=file_argument
)
@click.option("--log", is_flag=True, help="The journal's receipts whose tensors were kept.")
@click.option("--sample", type=click.IntRange(min=1), help="So many of them, chosen by chance.")
@click.option("--seed", type=int, help="Choose the same ones again.")
@click.option(
    "--model",
    "models",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="The model, or a folder to look for it in.",
)
@click.option("--publisher", "publishers", multiple=True, help="Take this publisher's URI too.")
@click.option("--rpc", help="Ask this node's registry where the model is.")
@click.option("--relative", default=RELATIVE, show_default=True, type=float)
@click.option("--absolute", default=ABSOLUTE, show_default=True, type=float)
@click.option("--exact", is_flag=True, help="Close is different.")
@command
def cli(
    files: tuple[Path, ...],
    log: bool,
    sample: int | None,
    seed: int | None,
    models: tuple[Path, ...],
    publishers: tuple[str, ...],
    rpc: str | None,
    relative: float,
    absolute: float,
    exact: bool,
    out: Output,
    profile: str | None,
) -> None:
    """Run receipts' inferences again: equal bit for bit, close and why not equal, or different.

    FILES are receipt files, or folders with such. Each must open its inputs and outputs. The
    model is looked for by digest: in --model, on this machine, where the registry says.
    """
    if not files and not log:
        raise click.UsageError("name receipt files or folders, or give --log for the journal's")
    settings = config.load_profile(profile)
    places = models_of(settings, models, publishers, rpc)
    replayer = Replayer(places, Tolerance(absolute=absolute, relative=relative))
    counts = dict.fromkeys(("equal", "close", "random", "different", "undone"), 0)
    results: list[dict[str, Any]] = []
    lines: list[str] = []
    worst: CounterfoilError | None = None
    with ExitStack() as stack:
        chosen = _chosen(_sources(files, log, settings, stack), sample, seed)
        with out.progress("replaying", len(chosen)) as step:
            for name, source in chosen:
                try:
                    file = source if isinstance(source, ReceiptFile) else ReceiptFile.load(source)
                    ours = Trust.of(settings).adding([(file.chain_id, file.ledger)])
                    verify(file, trust=ours)
                    found = replayer.replay(file)
                except CounterfoilError as error:
                    undone = isinstance(error, NotReplayable | ModelNotFound)
                    counts["undone" if undone else "different"] += 1
                    worst = worst or error
                    said = " ".join(str(error).split())
                    results.append(
                        {"file": name, "error": {"class": type(error).__name__, "message": said}}
                    )
                    what = "not replayed" if undone else f"FAILED {type(error).__name__}"
                    lines.append(f"{name}: {what}: {said}")
                else:
                    counts[found.verdict] += 1
                    results.append({"file": name, **_data(found)})
                    lines.extend(_lines(name, found))
                step()
    if any("verdict" in result for result in results):
        for path in places.unused:
            out.note(f"{path} is not these receipts' model, which was found elsewhere")
    if len(chosen) == 1 and worst is not None:
        raise worst
    for line in lines:
        out.say(line)
    if len(chosen) != 1:
        said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        out.say(f"{len(chosen)} replayed: {said}" if chosen else "nothing to replay")
    if out.json:
        out.result({"results": results, "counts": counts})
    if counts["different"] or (exact and counts["close"]):
        raise SystemExit(DIFFERENT)
    raise SystemExit(UNDECIDED if counts["undone"] or counts["random"] or not chosen else 0)


def models_of(
    settings: Profile, places: Sequence[Path], publishers: Sequence[str], rpc: str | None
) -> Models:
    """Where a command looks for models: places named, this machine, the registry."""
    trusted = list(settings.publishers)
    for each in publishers:
        try:
            trusted.append(config.address(each))
        except ValueError as error:
            raise BadConfig(f"--publisher {error}") from error
    registry = None
    address = rpc or settings.rpc
    if settings.registry is not None and address is not None and trusted:
        try:
            registry = RegistryClient(Chain.connect(address), settings.registry)
        except ChainError:
            if rpc is not None:
                raise  # it was asked for
    return Models(
        places,
        registry=registry,
        publishers=trusted,
        hosts=Hosts(loopback=settings.name == LOCAL),
    )


def _sources(
    files: Sequence[Path], log: bool, settings: Profile, stack: ExitStack
) -> Iterator[tuple[str, Path | ReceiptFile]]:
    for path in files:
        if path.is_dir():
            yield from ((str(each), each) for each in sorted(path.rglob("*.json")))
        else:
            yield str(path), path
    if not log:
        return
    for journal in Journal.open_all(settings):
        stack.callback(journal.close)
        for sequence in range(journal.next_sequence()):
            file = journal.receipt_file(sequence)
            if file.opening is not None and file.opening.inputs and file.opening.outputs:
                yield f"{journal.signer} {sequence}", file


def _chosen(
    sources: Iterator[tuple[str, Path | ReceiptFile]], sample: int | None, seed: int | None
) -> list[tuple[str, Path | ReceiptFile]]:
    """All, or a sample of them in their order; what is not chosen is not held."""
    if sample is None:
        return list(sources)
    chance = random.Random(seed)  # noqa: S311 (a sample, no secret)
    held: list[tuple[int, tuple[str, Path | ReceiptFile]]] = []
    for number, source in enumerate(sources):
        if number < sample:
            held.append((number, source))
        elif (place := chance.randrange(number + 1)) < sample:
            held[place] = (number, source)
    return [source for _, source in sorted(held, key=lambda pair: pair[0])]


def _data(found: Replay) -> dict[str, Any]:
    return {
        "verdict": found.verdict,
        "outputs": [
            {
                "name": each.name,
                "equal": each.equal,
                "close": each.close,
                "elements": each.size,
                "unequal": each.unequal,
                "worst": each.worst,
                "worstRelative": each.worst_relative,
                "sameChoice": each.same_choice,
                "why": each.why or None,
            }
            for each in found.outputs
        ],
        "reasons": list(found.reasons),
        "random": list(found.random),
    }


def _lines(name: str, found: Replay) -> list[str]:
    if found.verdict == "equal":
        return [f"{name}: equal bit for bit"]
    said = {
        "close": "equal within the tolerance",
        "random": "not equal, and the graph is random",
        "different": "DIFFERENT",
    }[found.verdict]
    lines = [f"{name}: {said}"]
    lines += [f"  output    {_output(each)}" for each in found.outputs]
    lines += [f"  reason    {reason}" for reason in found.reasons]
    if found.random:
        lines.append(f"  reason    random operators: {', '.join(found.random)}")
    if not found.reasons and not found.random:
        lines.append("  reason    none known: the runtime here is the receipt's in every field")
    return lines


def _output(each: Comparison) -> str:
    if each.equal:
        return f"{each.name}: equal"
    if not each.size:
        return f"{each.name}: {each.why}"
    parts = [f"{each.unequal} of {each.size} elements differ"]
    if each.worst is not None:
        parts.append(f"by at most {each.worst:.3g}")
    if each.worst_relative is not None:
        parts.append(f"relative {each.worst_relative:.3g}")
    if each.same_choice is not None:
        parts.append("the largest at the same place" if each.same_choice else "ANOTHER largest")
    return f"{each.name}: {', '.join(parts)}" + (f"; {each.why}" if each.why else "")
