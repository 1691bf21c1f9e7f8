"""A case as the chain's events tell it: what was opened, answered, demanded and revealed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from counterfoil.chain import (
    Answer,
    Facts,
    Fault,
    FaultDemand,
    FaultEvent,
    Place,
    Sets,
    TreeKind,
    place_of,
)
from counterfoil.chain.fault_values import plain
from counterfoil.hashing import merkle
from counterfoil.hashing.types import Address, Digest, Seconds

STEP_DOWN = 5
"""Layers that one answer goes down, at most (docs/faults.md §6)."""


@dataclass(slots=True, kw_only=True)
class Docket:
    """What is known of one case.

    Attributes:
        facts, sets: None: nobody opened a case.
        answer: the trace's root, None: it is due.
        closes_at: Unix seconds, as of the answer.
        demands: every demand that was made, by place.
        answered: places of those that were answered.
        nodes: hashes of the trace's tree that were revealed, by layer and index, layer 0 the
            leaves, with those that follow from them.
        rows: rows of the trace that were revealed.
        fell: who proved what, None: the case has not fallen.
        finished: whether `finish` was executed.
        ended_in: the block in which it fell or was finished, None: neither.
    """

    receipt: Digest
    facts: Facts | None = None
    sets: Sets | None = None
    answer: Answer | None = None
    closes_at: Seconds | None = None
    demands: dict[Place, FaultDemand] = field(default_factory=dict)
    answered: set[Place] = field(default_factory=set)
    nodes: dict[tuple[int, int], Digest] = field(default_factory=dict)
    rows: dict[int, bytes] = field(default_factory=dict)
    fell: tuple[Address, Fault] | None = None
    finished: bool = False
    ended_in: int | None = None

    @classmethod
    def of(cls, receipt: Digest, events: Iterable[FaultEvent]) -> Docket:
        """The docket of a case, from its events, the oldest first."""
        made = cls(receipt=receipt)
        for event in events:
            made.add(event)
        return made

    def add(self, event: FaultEvent) -> None:
        """Note one event."""
        fields = event.fields
        if event.name in ("Summoned", "Asserted"):
            self.facts = Facts.parse(fields["facts"])
            self.sets = Sets.parse(fields["sets"])
        elif event.name == "Answered":
            self.facts = Facts.parse(fields["facts"])
            self.answer = Answer.parse(fields["answer"])
            self.closes_at = Seconds(int(fields["closesAt"]))
        elif event.name == "NodeDemanded":
            demand = FaultDemand.parse(fields["demand"])
            self.demands[demand.place] = demand
        elif event.name == "NodesRevealed":
            (tree, _, layer, index), hashes = self._answer(fields), bytes(fields["hashes"])
            if tree is TreeKind.TRACE:
                each = [Digest(hashes[at : at + 32]) for at in range(0, len(hashes), 32)]
                self.reveal(layer, index, each)
        elif event.name == "RowRevealed":
            self.rows[self._answer(fields)[3]] = bytes(fields["row"])
        elif event.name == "TensorRevealed":
            self._answer(fields)
        elif event.name == "CaseFell":
            self.fell = (Address(str(plain(fields["prover"]))), Fault(int(fields["kind"])))
            self.ended_in = event.block
        elif event.name == "CaseFinished":
            self.finished = True
            self.ended_in = event.block

    def _answer(self, fields: Mapping[str, Any]) -> Place:
        place = place_of(int(fields["place"]))
        self.answered.add(place)
        return place

    def reveal(self, layer: int, index: int, hashes: list[Digest]) -> None:
        """Note the descendants of a node of the trace's tree, and all nodes between."""
        depth = len(hashes).bit_length() - 1
        for down in range(depth, -1, -1):
            first = index << down
            for place, digest in enumerate(hashes):
                self.nodes[layer - down, first + place] = digest
            hashes = [merkle.node(a, b) for a, b in zip(hashes[::2], hashes[1::2], strict=False)]

    def open_demands(self) -> list[FaultDemand]:
        """Demands that nobody answered, the most urgent first."""
        waiting = [d for place, d in self.demands.items() if place not in self.answered]
        return sorted(waiting, key=lambda demand: demand.deadline)
