"""Summonses, answers, demands and reveals that are not what they say they are."""

from __future__ import annotations

from typing import Any

from counterfoil.chain import place_word
from hypothesis import strategies as st
from hypothesis.stateful import rule
from support.fault_cast import sign_trace

from .stage import LIE, PICK, UNIT, WHO
from .walks import Walks


class Forgeries(Walks):
    """Each refused, and for what is wrong with it; what is right beside it is done."""

    @rule(asserted=st.booleans(), right=st.booleans(), by=WHO)
    def open_falsely(self, asserted: bool, right: bool, by: str) -> None:
        """Another program, other sets, other masters, another chunk, a batch of another time."""
        self.turn()
        with self.branch():
            receipt, account = self.own_receipt("" if right else "byte"), self.account(by)
            log, _, what = self.runs[receipt]
            fine = self.opening(receipt)
            root, rows, trace_rows = what.program
            count, set_root, master, *outputs = what.sets
            other = "clerk: another tensor set"
            changes: list[tuple[int, Any, str]] = [
                (3, (root, rows, trace_rows + 1), "clerk: another program"),
                (3, (root, 0, trace_rows), "clerk: program rows"),
                (3, (root, rows, 0), "clerk: trace rows"),
                (4, (count + 1, set_root, master, *outputs), other),
                (4, (count, bytes(32), master, *outputs), other),
                (4, (count, set_root, master, outputs[0] + 1, *outputs[1:]), other),
                (4, (count, set_root, bytes(32), *outputs), "clerk: another master"),
                (4, (count, set_root, master, *outputs[:2], master), "clerk: another master"),
                (5, fine[6], "clerk: another master"),
                (6, fine[5], "clerk: another master"),
                (5, self._other_chunk(what), "clerk: not the first chunk"),
                (5, self._other_byte(fine[5]), "opening: not under the digest"),
            ]
            name = "assert_receipt" if asserted else "summon"
            signed = [what.root, self.signature(log, receipt, what.root)] if asserted else []
            for place, value, reason in changes:
                arguments = [*fine[:place], value, *fine[place + 1 :], *signed]
                sent = self.send(account, "clerk", name, *arguments, value=UNIT + 10**16)
                self.refused(sent, reason)
            first, size, posted_at, path = fine[2]
            changed = [*fine[:2], (first, size, posted_at + 1, path), *fine[3:], *signed]
            sent = self.send(account, "clerk", name, *changed, value=UNIT + 10**16)
            assert not sent.ok
            assert sent.reason.startswith("ledger: "), sent.reason
            assert not self.open(receipt, account, UNIT - 1, asserted=True)
            assert not self.open(receipt, account, self.summons_fee(log) - 1, asserted=False)
            value = UNIT if asserted else self.summons_fee(log)
            assert self.open(receipt, account, value, asserted=asserted)
            for again in (True, False):
                value = UNIT if again else self.summons_fee(log)
                assert not self.open(receipt, log.operator, value, asserted=again)

    @rule(right=st.booleans(), revoked=st.booleans(), by=WHO)
    def answer_falsely(self, right: bool, revoked: bool, by: str) -> None:
        """By another key, of another trace or receipt; after a revoke by a stranger."""
        self.turn()
        with self.branch():
            lie, account = "" if right else "byte", self.account(by)
            receipt, other = self.own_receipt(lie), self.own_receipt(lie)
            log, _, what = self.runs[receipt]
            assert self.open(receipt, account, self.summons_fee(log), asserted=False)
            stranger, root = self.runs[other][0], what.root
            signature = self.signature(log, receipt, root)
            forged = {
                sign_trace(stranger, self.world, receipt, root): "signature: not by the signer",
                sign_trace(log, self.world, other, root): "signature: not by the signer",
                sign_trace(log, self.world, receipt, bytes(32)): "signature: not by the signer",
                signature[:64]: "signature: not 65 bytes",
                b"": "signature: not 65 bytes",
            }
            if revoked:
                log.wants_revoke = True
                self.revoke_log(log)
                forged = dict.fromkeys([*forged, signature], "fault: log revoked")
            facts = self.chain["cases"][receipt]["facts"]
            opening = self.opening(other)
            for wrong, reason in forged.items():
                sent = self.send(account, "court", "answer", facts, root, wrong)
                self.refused(sent, reason)
            wrong = sign_trace(log, self.world, receipt, root)
            sent = self.send(account, "clerk", "assert_receipt", *opening, root, wrong, value=UNIT)
            self.refused(sent, "signature: not by the signer")
            if revoked:
                sent = self.send(log.operator, "court", "answer", facts, root, signature)
                self.refused(sent, "fault: signature after a revoke")
            self.answer(receipt, account)
            self.answer(receipt, account)

    @rule(pick=PICK, lie=LIE | st.just(""), by=WHO)
    def demand_falsely(self, pick: int, lie: str, by: str) -> None:
        """What is no node of the case's trees."""
        self.turn()
        with self.branch():
            lie = "" if lie in ("silence", "invented root") else lie
            receipt, account = self.own_case(lie, asserted=bool(pick & 1)), self.account(by)
            what = self.runs[receipt][2]
            inner = [each for each in what.places if what.node(each)[3]]
            place = self.pick(pick, inner)
            name, arguments = self.demanding(receipt, place)
            layer, index, digest, path = arguments[-1]
            wrong = [
                ((layer, index, bytes(32), path), "layer: not under the root"),
                ((layer, index, digest, [bytes(32), *path[1:]]), "layer: not under the root"),
                ((layer, index + (1 << len(path)), digest, path), "layer: no such node"),
                ((layer + 40, index, digest, path), "layer: above the root"),
            ]
            for node, reason in wrong:
                fee = self.demand_fee(place)
                sent = self.send(account, "clerk", name, *arguments[:-1], node, value=fee)
                self.refused(sent, reason)
            sets = self.demanding(receipt, (1, 0, 0, 0))[1]
            fee, sides = self.demand_fee(place), [*sets[:4], 2, sets[5]]
            sent = self.send(account, "clerk", "demand_tensors", *sides, value=fee)
            self.refused(sent, "clerk: no such side")
            count, root, *rest = what.sets
            others = [*sets[:3], (count + 1, root, *rest), *sets[4:]]
            sent = self.send(account, "clerk", "demand_tensors", *others, value=fee)
            self.refused(sent, "clerk: other tensor sets")
            self._demand_chunks_falsely(receipt, account)
            assert not self.demand(receipt, place, account, -1)
            assert self.demand(receipt, place, account, 0)
            assert not self.demand(receipt, place, account, 0)

    def _demand_chunks_falsely(self, receipt: bytes, account: bytes) -> None:
        name, arguments = self.demanding(receipt, (3, 0, 0, 0))
        fee = self.demand_fee((3, 0, 0, 0))
        self.refused(
            self.send(account, "clerk", name, *arguments, value=fee),
            "clerk: chunks are not demanded",
        )
        *others, tensor, path, _ = arguments
        changed = *others, (bytes(32), *tensor[1:]), path, (1, 0, bytes(32), [])
        sent = self.send(account, "clerk", name, *changed, value=fee)
        self.refused(sent, "clerk: tensor not in the set")

    @rule(pick=PICK, right=st.booleans(), by=WHO)
    def reveal_falsely(self, pick: int, right: bool, by: str) -> None:
        """What is not what was demanded; or a demand that nobody made like this."""
        self.turn()
        with self.branch():
            receipt = self.own_case("" if right else "byte", asserted=bool(pick & 1))
            account, what = self.account(by), self.runs[receipt][2]
            place = self.pick(pick, what.places)
            assert self.demand(receipt, place, account, 7)
            demand = self.chain["cases"][receipt]["open"][place]
            name, content = self.content(receipt, place)
            wrong: list[tuple[Any, str]] = {
                "reveal_nodes": lambda: [
                    (bytes(len(content)), "fault: hashes of another node"),
                    (content[:-32], "fault: wrong number of hashes"),
                    (content[:-1], "fault: wrong number of hashes"),
                ],
                "reveal_rows": lambda: [(content + b"0", "fault: another row")],
                "reveal_tensors": lambda: [((*content[:4], bytes(32)), "fault: another tensor")],
            }[name]()
            for false, reason in wrong:
                sent = self.send(account, "court", name, [(demand, false)])
                self.refused(sent, reason)
            kinds = {
                "reveal_rows": (b"row", "fault: no row is demanded"),
                "reveal_nodes": (bytes(32), "fault: wrong number of hashes"),
                "reveal_tensors": (
                    (bytes(32), 0, bytes(32), 0, bytes(32)),
                    "fault: no tensor is demanded",
                ),
            }
            for other, (value, reason) in kinds.items():
                if other != name and not (other == "reveal_nodes" and demand[3] == 1):
                    sent = self.send(account, "court", other, [(demand, value)])
                    self.refused(sent, reason)
            # the fee is another's, or more, or due later
            for field, value in ((4, self.world.actors["payer"]), (5, UNIT), (6, demand[6] + 1)):
                made = (*demand[:field], value, *demand[field + 1 :])
                sent = self.send(account, "court", name, [(made, content)])
                self.refused(sent, "demand: not open")
            self.reveal(receipt, place, account)
            assert self.view("demand_answered", receipt, place_word(place))
            self.reveal(receipt, place, account)
            assert not self.demand(receipt, place, account, 7)

    @rule(which=st.integers(0, 1), by=st.sampled_from(["challenger", "stranger", "payer"]))
    def take_anothers_bond(self, which: int, by: str) -> None:
        """Only the operator makes, asks for and takes a bond; and it is made once."""
        self.turn()
        with self.branch():
            log, account = self.logs[which], self.account(by)
            mine = "bond: not the operator"
            sent = self.send(account, "court", "make_bond", log.signer, UNIT, value=UNIT)
            self.refused(sent, mine)
            self.refused(self.send(account, "court", "ask_withdrawal", log.signer), mine)
            sent = self.send(log.operator, "court", "make_bond", log.signer, UNIT, value=UNIT)
            self.refused(sent, "bond: already made")
            other = self.new_log("bonded late", honest=bool(which))
            for unit, value, reason in (
                (UNIT - 1, UNIT, "bond: unit under 20 rewards"),
                (UNIT, UNIT - 1, "bond: less than a unit"),
            ):
                sent = self.send(
                    other.operator, "court", "make_bond", other.signer, unit, value=value
                )
                self.refused(sent, reason)
            sent = self.send(account, "court", "add_bond", other.signer, value=1)
            self.refused(sent, "bond: not made")
            self.bond(other, UNIT, longer=bool(which))
            sent = self.send(other.operator, "court", "withdraw", other.signer)
            self.refused(sent, "fault: withdrawal too early", "bond: withdrawal not asked")
            self.pass_time(self.world.now + 200_000)
            self.refused(self.send(account, "court", "withdraw", other.signer), mine)
            sent = self.send(other.operator, "court", "withdraw", other.signer)
            self.refused(sent, "bond: withdrawal not asked")

    def _other_chunk(self, what: Any) -> Any:
        """The second input's first chunk."""
        return what.run.opening(0).chunk(1, 0).abi()

    def _other_byte(self, opening: Any) -> Any:
        """An opening of other data, which is its longest bytes."""
        place = max(
            (i for i, each in enumerate(opening) if isinstance(each, bytes)),
            key=lambda i: len(opening[i]),
        )
        data = bytes([opening[place][0] ^ 1]) + opening[place][1:]
        return (*opening[:place], data, *opening[place + 1 :])
