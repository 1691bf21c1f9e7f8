"""The bench's own arithmetic and its page; its figures are no test's business."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import page, plot, rows
from bench.rows import Row

ROOT = Path(__file__).parents[2]


def test_ratio__less_or_more_is_better__how_many_times_as_good() -> None:
    assert Row(what="", ours=2, unit="ms", peers=6).ratio == 3
    assert Row(what="", ours=6, unit="/s", peers=2, more=True).ratio == 3
    assert Row(what="", ours=6, unit="/s").ratio is None


def test_reached__target__by_the_row_s_sense() -> None:
    assert Row(what="", ours=2, unit="ms", target=2).reached
    assert not Row(what="", ours=2.1, unit="ms", target=2).reached
    assert Row(what="", ours=2.1, unit="/s", target=2, more=True).reached
    assert Row(what="", ours=2, unit="ms").reached is None


@pytest.mark.parametrize("name", rows.GROUPS)
def test_group__every_name__has_rows_and_a_title(name: str) -> None:
    title, made = rows.group(name)
    assert title
    assert callable(made)


def test_write__page__only_what_is_between_the_marks(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
    page.write(path, "new")
    assert path.read_text() == f"before\n{page.BEGIN}\n\nnew\n\n{page.END}\nafter\n"
    path.write_text("no marks")
    with pytest.raises(ValueError, match="has not the marks"):
        page.write(path, "new")


def test_table__missed_target__says_so() -> None:
    found = page.table([Row(what="x", ours=1234, unit="µs", peer="p", peers=2468, target=1000)])
    assert "| x | 1,234 | µs | p | 2,468 | 2× | ≤ 1,000 **missed** |" in found


def test_draw__rows__one_bar_each(tmp_path: Path) -> None:
    path = tmp_path / "plot.svg"
    plot.draw(path, [Row(what="a < b", ours=1, unit="ms", peer="p", peers=n) for n in (0.5, 2000)])
    drawn = path.read_text()
    assert drawn.count("<rect x=") == 2
    assert "a &lt; b" in drawn
    assert "2,000.0×" in drawn


def test_page__committed__has_the_marks() -> None:
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert text.count(page.BEGIN) == text.count(page.END) == 1
