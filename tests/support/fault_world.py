"""One embedded EVM with a ledger, the fault court, its clerk and its judges."""

from __future__ import annotations

from functools import cache

from .court_world import ANSWER_WINDOW, CAP, Contract, CourtWorld

SUMMON_WINDOW = 1_000
"""Seconds, as the next two."""
CASE_WINDOW = 8 * ANSWER_WINDOW

LEAST_FEE = 1_000
"""Wei, far below four times an answer's gas at the first blocks' base fee."""

FIRST_BASE_FEE = 10**9
"""Wei; blocks of one transaction each only make it less."""


class FaultWorld(CourtWorld):
    """As `CourtWorld`, whose court is the fault court."""

    ROLES = ("deployer", "honest", "faulty", "challenger", "rival", "stranger", "payer")

    def _deploy_court(self) -> Contract:
        self.clerk = self._deploy("FaultClerk")
        self.step_judge = self._deploy("StepJudge")
        self.row_judge = self._deploy("RowJudge")
        return self._deploy(
            "FaultCourt",
            self.ledger.address,
            self.clerk.address,
            self.step_judge.address,
            self.row_judge.address,
            (SUMMON_WINDOW, ANSWER_WINDOW, CASE_WINDOW),
            CAP,
            LEAST_FEE,
        )

    @property
    def newest(self) -> tuple[bytes, int]:
        """The newest block's hash and Unix seconds: what views see."""
        header = self.backend.chain.get_canonical_head()
        return header.hash, header.timestamp


@cache
def fault_world() -> FaultWorld:
    """The process's one world; examples start from its first mark."""
    return FaultWorld()
