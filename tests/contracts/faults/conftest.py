"""The step judge, and a court that says what it is told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "support"))


@pytest.fixture(scope="session")
def step_judge(project, deployer):
    return deployer.deploy(project.StepJudge)


@pytest.fixture(scope="session")
def recorder(project, deployer):
    return deployer.deploy(project.ConvictionRecorder)
