"""Fault court, clerk, judges and ledger against plain dicts, with a program of 15 or 43 rows.

No honest operator loses, whatever is demanded, proved or repeated against it; whatever a faulty
one tells, a challenger who acts brings its case down in time; nobody's ether is lost. The honest
operator answers as late as it dares. Re-orgs reach back half a minute, and for a minute at a
time nothing that one party sends is mined. Challengers walk and prove by the package's own code.

What is sent is done, or refused by the reason of a rule that the dicts say it breaks. Rules of
time, forgery and slander bring about what they need on a branch of the chain, and are taken back.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from support.fault_machine.challengers import Challengers
from support.fault_machine.edges import Edges
from support.fault_machine.forgeries import Forgeries
from support.fault_machine.held import Held
from support.fault_machine.operators import Operators
from support.fault_machine.slander import Slander

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "slow"


class FaultCourt(Held, Operators, Challengers):
    """Everybody at one court, for as long as it takes."""


class TriedFaultCourt(FaultCourt, Slander, Forgeries, Edges):
    """The same, and between whiles whatever must not be done, and when it must."""


def _settings(steps: int) -> settings:
    return settings(
        max_examples=150 if LONG else 12,
        stateful_step_count=60 if LONG else steps,
        # a step is a block or dozens: making a failure smaller takes far longer than finding it
        phases=[Phase.explicit, Phase.reuse, Phase.generate, *([Phase.shrink] if LONG else [])],
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


TestFaultCourt = FaultCourt.TestCase
TestFaultCourt.settings = _settings(30)

TestTriedFaultCourt = pytest.mark.slow(TriedFaultCourt.TestCase)
TestTriedFaultCourt.settings = _settings(18)
