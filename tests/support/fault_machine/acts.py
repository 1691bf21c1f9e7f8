"""Transactions of the fault court, each held against the plain dicts, which then follow it."""

from __future__ import annotations

from typing import Any

from counterfoil.chain import place_word
from counterfoil.faults.run import Proof
from counterfoil.hashing.eip712 import word
from counterfoil.hashing.keccak import keccak
from hypothesis import event
from support.court_cast import commit
from support.court_world import CAP
from support.fault_cast import LIES, docket, shown
from support.fault_world import LEAST_FEE

from .stage import FAULT, UNIT, WITHHELD, Stage

SALT = bytes(32)
ENDED = "case: not open"


class Acts(Stage):
    """What anybody can do to a case."""

    def opening(self, receipt: bytes) -> list[Any]:
        """The arguments of a summons."""
        log, number, what = self.runs[receipt]
        index, posted_at = self.chain["posted"][receipt]
        return [
            self.world.court.address,
            log.signed[number].receipt.abi(),
            log.cut[index].inclusion(number, posted_at),
            what.program,
            what.sets,
            *what.first_chunks,
        ]

    def open(self, receipt: bytes, by: bytes, value: int, *, asserted: bool) -> bool:
        """Summon, or assert."""
        log, number, what = self.runs[receipt]
        arguments, terms = self.opening(receipt), self.terms_of(receipt)
        if asserted:
            arguments += [what.root, self.signature(log, receipt, what.root)]
        fee, posted_at = self.summons_fee(log), self.chain["posted"][receipt][1]
        name = "assert_receipt" if asserted else "summon"
        sent = self.send(by, "clerk", name, *arguments, value=value)
        broken = {
            "case: already opened": receipt in self.chain["cases"],
            "fault: summon window over": sent.time > posted_at + terms[0],
            "fault: fee too low": not asserted and value < fee,
            "fault: bond under 20 rewards": asserted and value < UNIT,
            "fault: log revoked": asserted
            and log.name in self.chain["revoked"]
            and by != log.operator,
        }
        if not self.agrees(sent, broken):
            return False
        event("asserted" if asserted else "summoned")
        self.move(by, -value)
        facts = (
            receipt, log.signer, number, what.program, what.sets_hash, by, sent.time, value,
            asserted,
        )  # fmt: skip
        self.chain["cases"][receipt] = {
            "facts": facts,
            "answer": (what.root, sent.time) if asserted else None,
            "asserted": asserted,
            "terms": terms,
            "state": "open" if asserted else "summoned",
            "closes_at": sent.time + terms[2] if asserted else 0,
            "open": {},
            "given": {},
            "refunded": [],
        }
        return True

    def answer(self, receipt: bytes, by: bytes) -> None:
        """A summons, by the trace as it is told."""
        log, _, what = self.runs[receipt]
        case = self.chain["cases"][receipt]
        signature = self.signature(log, receipt, what.root)
        by = by if signature else log.operator
        sent = self.send(by, "court", "answer", case["facts"], what.root, signature)
        if self.agrees(sent, {"case: no answer due": case["state"] != "summoned"}):
            answer, closes_at = (what.root, sent.time), sent.time + case["terms"][2]
            case.update(state="open", answer=answer, closes_at=closes_at)
            self.pay(by, case["facts"][7])

    def demanding(self, receipt: bytes, place: Any) -> tuple[str, list[Any]]:
        """The clerk's function and its arguments."""
        tree, position, _, _ = place
        case, (_, _, what) = self.chain["cases"][receipt], self.runs[receipt]
        arguments = [self.world.court.address, case["facts"], case["answer"]]
        side, name = (tree - 1) % 2, "demand_rows"
        if tree:
            name, arguments = "demand_tensors", [*arguments, what.sets, side]
        if tree >= 3:
            name = "demand_chunks"
            tensor = what.tensor(side, position), what.set_path(side, position)
            arguments = [*arguments, position, *tensor]
        return name, [*arguments, what.node(place)]

    def demand(self, receipt: bytes, place: Any, by: bytes, extra: int) -> bool:
        """A node, with so many wei above the least fee."""
        case, (_, _, what) = self.chain["cases"][receipt], self.runs[receipt]
        fee, node = self.demand_fee(place) + extra, what.node(place)
        name, arguments = self.demanding(receipt, place)
        sent = self.send(by, "clerk", name, *arguments, value=fee)
        _, window, length = case["terms"]
        invented = what.lie == "invented root" and place[0] == 0 and bool(node[3])
        broken = {
            ENDED: case["state"] != "open",
            "fault: demand's fee too low": extra < 0,
            "case: demand too late": sent.time + window > case["answer"][1] + length,
            "demand: already open": place in case["open"],
            "demand: already answered": place in case["given"],
            "layer: not under the root": invented,
        }
        if not self.agrees(sent, broken):
            return False
        event(f"demanded: {name}, {'hashes' if place[2] else 'a preimage'}")
        count = len(what.below(place)) if place[2] else 0
        word = place_word(place)
        made = (receipt, word, node[2], count, by, fee, sent.time + window)
        case["open"][place] = made
        self.move(by, -fee)
        return True

    def content(self, receipt: bytes, place: Any) -> tuple[str, Any]:
        """What a demand is answered with, and by which function."""
        tree, _, layer, index = place
        what = self.runs[receipt][2]
        if layer:
            return "reveal_nodes", b"".join(what.below(place))
        if tree:
            return "reveal_tensors", what.tensor(tree - 1, index)
        return "reveal_rows", what.rows[index]

    def reveal(self, receipt: bytes, place: Any, by: bytes) -> None:
        """What was demanded; also once more."""
        case = self.chain["cases"][receipt]
        demand = case["open"].get(place) or case["given"][place][0]
        name, content = self.content(receipt, place)
        fee = back = demand[5]
        if name == "reveal_rows":
            gas = 80_000 + 40 * len(content)
            fee = max(LEAST_FEE, demand[5] * gas // (80_000 + 40 * 4_096))
        sent = self.send(by, "court", name, [(demand, content)])
        broken = {ENDED: case["state"] != "open", "demand: not open": place not in case["open"]}
        if self.agrees(sent, broken):
            del case["open"][place]
            case["given"][place] = demand, content
            case["closes_at"] = max(case["closes_at"], sent.time + case["terms"][1])
            self.pay(by, fee)
            self.pay(demand[4], back - fee)

    def time_out(self, receipt: bytes, place: Any, by: bytes) -> bool:
        """A demand's answer, or where there is no place a summons'."""
        case = self.chain["cases"][receipt]
        if place is None:
            due, fee = case["facts"][6] + case["terms"][1], case["facts"][7]
            gets = case["facts"][5]
            sent = self.send(by, "court", "time_out_summons", case["facts"])
            broken = {
                "case: no answer due": case["state"] != "summoned",
                "case: answer window open": sent.time <= due,
            }
        else:
            demand = case["open"][place]
            due, fee, gets = demand[6], demand[5], demand[4]
            both = case["facts"], case["answer"]
            sent = self.send(by, "court", "time_out_demand", *both, demand)
            broken = {
                ENDED: case["state"] != "open",
                "fault: answer window open": sent.time <= due,
            }
        if not self.agrees(sent, broken):
            return False
        event("timed out")
        if place is not None:
            del case["open"][place]
            case["refunded"].append(place)
        self._fall(receipt, gets, fee, sent.time, WITHHELD)
        return True

    def refund(self, receipt: bytes, place: Any, by: bytes) -> None:
        """A demand's fee."""
        case = self.chain["cases"][receipt]
        demand = case["open"][place]
        sent = self.send(by, "court", "refund", demand)
        if self.agrees(sent, {"case: has not fallen": case["state"] != "faulty"}):
            event("refunded")
            del case["open"][place]
            case["refunded"].append(place)
            self.pay(demand[4], demand[5])
            again = self.send(by, "court", "refund", demand)
            self.refused(again, "demand: not open")

    def finish(self, receipt: bytes, by: bytes) -> bool:
        """What is final."""
        case = self.chain["cases"][receipt]
        sent = self.send(by, "court", "finish", case["facts"], case["answer"])
        broken = {
            ENDED: case["state"] != "open",
            "case: not over": bool(case["open"]) or sent.time <= case["closes_at"],
        }
        if not self.agrees(sent, broken):
            return False
        event("a case finished")
        case["state"] = "finished"
        if case["asserted"]:
            self.pay(case["facts"][5], case["facts"][7])
        return True

    def commit(self, receipt: bytes, proof: Proof, by: bytes) -> None:
        """To the proof, unless it is committed to already."""
        assert commit(self.world, by, evidence(receipt, proof))

    def shown(self, receipt: bytes, proof: Proof) -> tuple[str, str, tuple[Any, ...]]:
        """Judge, function and arguments that show a fault of a case."""
        _, _, what = self.runs[receipt]
        seen = docket(receipt, what, self.chain["cases"][receipt])
        return shown(self.world, what.run, seen, proof, SALT)

    def prove(self, receipt: bytes, proof: Proof, by: bytes) -> bool:
        """A fault that is one, which the claimant has committed to."""
        lie, case = self.runs[receipt][2].lie, self.chain["cases"][receipt]
        assert proof.fault.name == LIES[lie], lie
        judge, function, arguments = self.shown(receipt, proof)
        sent = self.send(by, judge, function, *arguments)
        broken = {
            ENDED: case["state"] != "open",
            "case: proof too late": sent.time > case["closes_at"],
        }
        if not self.agrees(sent, broken):
            return False
        event(f"proved: {lie}")
        self._fall(receipt, by, 0, sent.time, FAULT)
        return True

    def _fall(self, receipt: bytes, prover: bytes, fee: int, time: int, offence: int) -> None:
        """A unit of the log's bond, and an assertion's: part to the prover, the rest burnt."""
        log, case = self.runs[receipt][0], self.chain["cases"][receipt]
        bond = self.chain["bonds"][log.name]
        case["state"] = "faulty"
        standing = self.chain["standings"].setdefault(log.name, [time, offence, 0])
        standing[2] += 1
        taken = min(bond["amount"], bond["unit"])
        bond["amount"] -= taken
        for part in (taken, case["facts"][7] if case["asserted"] else 0):
            reward = min(part // 2, CAP)
            self.chain["held"] -= part - reward
            self.chain["burnt"] += part - reward
            fee += reward
        self.pay(prover, fee)


def evidence(receipt: bytes, proof: Proof) -> bytes:
    """What is committed to."""
    return keccak(receipt + word(proof.fault) + word(proof.place) + word(proof.element))
