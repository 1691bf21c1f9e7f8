"""`StepJudge` and the executor agree on every step of random programs."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import judging


@pytest.fixture(scope="session")
def judge(project, accounts):
    return accounts[0].deploy(project.StepJudge)


@pytest.mark.parametrize("seed", range(6))
def test_step_is_wrong__honest_trace__is_false(judge, seed):
    trace = judging.run(seed)
    for row, element in judging.some(trace.program, np.random.default_rng(seed), 5):
        shown = judging.proof(trace, row, element)
        assert not shown.wrong
        assert judge.step_is_wrong(*judging.arguments(trace, shown)) is False, (row, element)


@pytest.mark.parametrize("seed", range(6, 12))
def test_step_is_wrong__one_byte_changed__is_true(judge, seed):
    honest = judging.run(seed)
    rng = np.random.default_rng(seed)
    for _ in range(8):
        trace, row, element = judging.corrupted(honest, rng)
        shown = judging.proof(trace, row, element)
        assert shown.wrong
        assert judge.step_is_wrong(*judging.arguments(trace, shown)) is True, (row, element)
