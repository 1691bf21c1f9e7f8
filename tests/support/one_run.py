"""An embedded chain that estimates by one run; its own search makes eleven."""

from __future__ import annotations

from typing import Any

from counterfoil.chain import Chain

ENOUGH = 5_000_000
"""Gas of any transaction of a case."""


def estimate_by_one_run(chain: Chain) -> None:
    """Gas limits are the same for all then; a refusal is found as before."""
    chain.web3.provider.ethereum_tester.backend.chain.gas_estimator = _estimate


def _estimate(state: Any, transaction: Any) -> int:
    from eth.estimators.gas import _get_computation_error
    from eth.vm.spoof import SpoofTransaction

    error = _get_computation_error(state, SpoofTransaction(transaction, gas=ENOUGH))
    if error is not None:
        raise error
    return ENOUGH
