"""The demo's features are magika's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("magika", reason="magika is the demo's: pip install 'counterfoil[demo]'")

from counterfoil.cli.demo_inputs import FileTypeModel, real_files
from counterfoil.inference.bare import bare_session
from magika import Magika, PredictionMode
from magika.types import Seekable

MODEL = FileTypeModel.shipped()
FILES = real_files(30)


@pytest.fixture(scope="module")
def magika() -> Magika:
    return Magika(prediction_mode=PredictionMode.BEST_GUESS)


def own_features(magika: Magika, path: Path) -> list[int]:
    config = magika._model_config
    with path.open("rb") as stream:
        found = Magika._extract_features_from_seekable(
            Seekable(stream), config.beg_size, config.mid_size, config.end_size,
            config.padding_token, config.block_size, config.use_inputs_at_offsets,
        )  # fmt: skip
    return [*found.beg, *found.mid, *found.end]


def test_model__is_the_one_that_magika_loads(magika):
    assert magika._model_path == MODEL.path or magika._model_path.samefile(MODEL.path)


def test_real_files__thirty_of_many_types():
    assert len(FILES) == len(set(FILES)) == 30
    assert len({path.suffix for path in FILES}) >= 10


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_features__equal_magikas(magika, path):
    assert MODEL.features(path.read_bytes())[0].tolist() == own_features(magika, path)


@pytest.mark.parametrize("size", [0, 1, 63, 1023, 1024, 1025, 4095, 4096, 4097, 9000])
@pytest.mark.parametrize("kind", ["text", "space"])
def test_features__sizes_around_the_blocks(magika, tmp_path, size, kind):
    path = tmp_path / "f"
    path.write_bytes((b" \n\t" if kind == "space" else b" ab\n c  ") * (size // 3 + 1))
    path.write_bytes(path.read_bytes()[:size])
    assert MODEL.features(path.read_bytes())[0].tolist() == own_features(magika, path)


def test_labels__equal_magikas(magika):
    session = bare_session(MODEL.path)
    name = session.get_inputs()[0].name
    for path in FILES:
        (scores,) = session.run(None, {name: MODEL.features(path.read_bytes())})
        found = magika.identify_path(path)
        assert MODEL.labels[int(np.argmax(scores))] == str(found.dl.label)
