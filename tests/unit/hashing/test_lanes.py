"""The vector kernels against plain Keccak, and their cache, threads and absence."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from counterfoil import machine_code
from counterfoil.formats.chunks import chunk_leaves, chunk_root, chunk_tree
from counterfoil.formats.tensor import Tensor, _front, commit, commitment
from counterfoil.hashing import lanes, lanes_build, lanes_ir, lanes_threads, merkle, merkle_spec
from counterfoil.hashing.keccak import keccak, keccak_rows
from Crypto.Hash import keccak as other
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("llvmlite", reason="the extra `fast` is not installed")

MASTER = bytes(range(32))
sizes = st.one_of(st.integers(1, 70), st.sampled_from([255, 256, 257, 1023, 1024, 1025, 3000]))


@pytest.fixture(scope="module")
def made():
    assert lanes.available()
    return lanes.kernels()


def some(count, length, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, length), dtype=np.uint8)


def plain(message):
    return other.new(digest_bits=256, data=message).digest()


@pytest.mark.parametrize("first", range(0, 1101, 100))
def test_rows__every_length_to_1100__is_plain_keccak_of_each(made, first):
    for length in range(first, min(first + 100, 1101)):
        rows = some(1 + length % 11, length, length)
        expected = b"".join(plain(row.tobytes()) for row in rows)
        assert lanes.rows(rows, made).tobytes() == expected


@given(count=sizes, length=st.integers(0, 1100), seed=st.integers(0, 2**32))
def test_keccak_rows__any_count_and_length__is_plain_keccak_of_each(made, count, length, seed):
    rows = some(min(count, 300), length, seed)
    assert keccak_rows(rows).tobytes() == b"".join(plain(row.tobytes()) for row in rows)


@given(count=sizes, seed=st.integers(0, 2**32))
def test_root__any_leaves__is_the_specification_s(made, count, seed):
    leaves = some(count, 32, seed)
    expected = merkle_spec.tree_root([row.tobytes() for row in leaves])
    before = leaves.copy()
    assert lanes.root(leaves, made) == merkle.root(leaves) == expected
    tree = merkle.Tree(leaves)
    assert tree.root == expected
    index = seed % count
    assert tree.path(index) == merkle_spec.tree_path([row.tobytes() for row in leaves], index)
    assert np.array_equal(leaves, before)


@given(count=sizes, seed=st.integers(0, 2**32))
def test_leaves__any_digests__are_leaf_of_each(made, count, seed):
    digests = some(count, 32, seed)
    expected = b"".join(merkle.leaf(row.tobytes()) for row in digests)
    assert lanes.leaves(digests, made).tobytes() == merkle.leaves(digests).tobytes() == expected


@given(
    length=st.one_of(
        st.integers(0, 5000), sizes.map(lambda n: 256 * n), sizes.map(lambda n: 256 * n - 1)
    ),
    master=st.binary(min_size=32, max_size=32),
    position=st.integers(0, 2**64 - 1),
)
def test_chunk_root__any_tensor__is_that_of_the_plain_leaves(made, length, master, position):
    data = some(1, length, length).tobytes()
    leaves = chunk_leaves(data, master, position)
    assert chunk_root(data, master, position) == merkle_spec.tree_root(leaves)
    tree = chunk_tree(data, master, position)
    assert tree.layers[0].tobytes() == b"".join(leaves)


@given(
    lengths=st.lists(
        st.one_of(
            st.integers(0, 600),
            st.integers(0, 260).map(lambda n: 256 * n),
            st.integers(0, 260).map(lambda n: 256 * n + 1),
        ),
        max_size=5,
    ),
    master=st.binary(min_size=32, max_size=32),
)
def test_commitment__any_set__is_that_of_its_objects(made, lengths, master):
    tensors = [
        Tensor.of(f"tensor {place}", some(1, length, place)) for place, length in enumerate(lengths)
    ]
    assert commitment(tensors, master) == commit(tensors, master).digest


def test_commitment__every_length_to_600__is_that_of_its_objects(made):
    for length in range(601):
        tensors = [Tensor.of("x", some(1, length, length)[0])]
        assert commitment(tensors, MASTER) == commit(tensors, MASTER).digest


@pytest.mark.parametrize(("width", "narrow"), [(2, 1), (2, 2), (4, 1), (4, 2), (4, 4)])
def test_assembly__other_widths__hash_the_same(width, narrow):
    llvm = pytest.importorskip("llvmlite.binding")
    lanes.available()
    if width == 4 and "x86_64" not in llvm.get_process_triple():
        pytest.skip("a width of x86's")
    processor, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    code = machine_code.compiled(lanes_ir.assembly(width, narrow), processor, features)
    found = lanes_build.loaded(code, width, cached=False)
    for count in range(1, 20):
        rows = some(count, 32, count)
        plain_leaves = merkle_leaves_plainly(rows)
        assert lanes.leaves(rows, found).tobytes() == plain_leaves
        assert lanes.root(rows, found) == merkle_spec.tree_root([row.tobytes() for row in rows])
        wide = some(count, 40 * count, count)
        assert lanes.rows(wide, found).tobytes() == b"".join(plain(r.tobytes()) for r in wide)
        data, head = some(1, 256 * count, count).tobytes(), MASTER + bytes(8)
        leaves = b"".join(chunk_leaves(data, MASTER, 0))
        assert lanes.chunk_leaves(data, head, None, found).tobytes() == leaves
        tensor = Tensor.of("x", some(1, 100 * count, count)[0])
        front = _front("x", tensor.dtype, tensor.shape, 100 * count)
        digest = commit([tensor], MASTER).digest
        assert lanes.only_set(tensor.data, head, front, found) == digest


def merkle_leaves_plainly(rows):
    return b"".join(plain(b"\0" + row.tobytes()) for row in rows)


def test_compiled__avx_512__rotates_in_one_instruction_of_512_bits():
    llvm = pytest.importorskip("llvmlite.binding")
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple("x86_64-unknown-linux-gnu").create_target_machine(
        cpu="icelake-server", opt=3, jit=True
    )
    module = llvm.parse_assembly(lanes_ir.assembly(8))
    builder = llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options(3))
    builder.getModulePassManager().run(module, builder)
    code = target.emit_assembly(module)
    assert "vprolq" in code
    assert "vpternlogq" in code
    assert "zmm31" in code


def test_width_for__features__fits_the_registers():
    assert lanes_build.width_for("+avx2,+avx512f") == 8
    assert lanes_build.width_for("+avx2,-avx512f") == 4
    assert lanes_build.width_for("+neon") == 2


def test_constants__recurrences__are_the_reference_s():
    assert [hex(lanes_ir.ROUNDS[i]) for i in (0, 1, 2, 23)] == [
        "0x1", "0x8082", "0x800000000000808a", "0x8000000080008008",
    ]  # fmt: skip
    assert lanes_ir.ROTATIONS[:5] == [0, 1, 62, 28, 27]
    assert sorted(lanes_ir.ROTATIONS)[0] == 0


def test_root__no_kernels__is_the_same(made, monkeypatch):
    leaves, data = some(3000, 32), some(1, 300_000).tobytes()
    fast = merkle.root(leaves), merkle.Tree(leaves).path(2999), chunk_root(data, MASTER, 1)
    monkeypatch.setattr(lanes, "_kernels", None)
    monkeypatch.setattr(lanes, "_failed", True)
    assert not lanes.available()
    assert fast == (
        merkle.root(leaves), merkle.Tree(leaves).path(2999), chunk_root(data, MASTER, 1),
    )  # fmt: skip


@pytest.mark.parametrize("after", [0, 1, 3])
def test_chunk_root__kernels_come_midway__is_the_same(made, monkeypatch, after):
    asked = iter(range(10**6))
    monkeypatch.setattr(lanes, "kernels", lambda _n=0: made if next(asked) >= after else None)
    data, leaves, rows = some(1, 600_001).tobytes(), some(9000, 32), some(5000, 137)
    assert chunk_root(data, MASTER, 0) == merkle_spec.tree_root(chunk_leaves(data, MASTER, 0))
    assert merkle.root(leaves) == merkle_spec.tree_root([row.tobytes() for row in leaves])
    assert keccak_rows(rows).tobytes() == b"".join(keccak(row.tobytes()) for row in rows)


def test_share__work_raises__the_caller_gets_it(made):
    def work(start, stop):
        if stop == 5000:
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        lanes_threads.share(5000, work)


def test_chunk_root__after_a_fork__works_in_the_child(made):
    data = some(1, 2_000_000).tobytes()
    expected = chunk_root(data, MASTER, 0)
    child = os.fork()
    if child == 0:
        os._exit(0 if chunk_root(data, MASTER, 0) == expected else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert chunk_root(data, MASTER, 0) == expected


# Processes of their own


def start(code, cache, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(cache), **environment},
    )  # fmt: skip


def end(process):
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return out.strip()


MAKE = """
    from counterfoil.hashing import lanes
    print(lanes.available(), lanes.available() and lanes.kernels().cached)
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="XDG_CACHE_HOME is Linux's")


def objects(cache):
    return sorted((cache / "counterfoil" / "kernels").iterdir())


@linux
def test_build__second_process__takes_the_first_one_s_code(tmp_path):
    assert end(start(MAKE, tmp_path)) == "True False"
    assert end(start(MAKE, tmp_path)) == "True True"
    (found,) = objects(tmp_path)
    assert found.stat().st_mode & 0o777 == 0o600


@linux
def test_build__several_processes_at_once__all_have_kernels(tmp_path):
    running = [start(MAKE, tmp_path) for _ in range(4)]
    assert all(end(process).startswith("True") for process in running)
    assert len(objects(tmp_path)) == 1
    assert end(start(MAKE, tmp_path)) == "True True"


@linux
@pytest.mark.parametrize("damage", ["cut", "changed", "writable by others", "empty"])
def test_build__file_not_to_be_trusted__is_made_anew(tmp_path, damage):
    end(start(MAKE, tmp_path))
    (path,) = objects(tmp_path)
    raw = path.read_bytes()
    if damage == "writable by others":
        path.chmod(0o666)
    else:
        other_bytes = raw[:50] + bytes([raw[50] ^ 1]) + raw[51:]
        path.write_bytes({"cut": raw[:1000], "changed": other_bytes, "empty": b""}[damage])
    assert end(start(MAKE, tmp_path)) == "True False"
    assert objects(tmp_path)[0].read_bytes()[:32] == raw[:32]
    assert end(start(MAKE, tmp_path)) == "True True"


@linux
def test_build__no_place_to_keep_it__works_without(tmp_path):
    (tmp_path / "counterfoil").write_text("a file where the folder should be")
    assert end(start(MAKE, tmp_path)) == "True False"
    assert end(start(MAKE, tmp_path)) == "True False"


def test_chunk_root__without_llvmlite__is_the_same(made, tmp_path):
    code = """
        import sys
        sys.modules["llvmlite"] = None
        from counterfoil.formats.chunks import chunk_root
        from counterfoil.hashing import lanes
        print(chunk_root(bytes(6_000_000), bytes(32), 0).hex(), lanes.available())
    """
    found = chunk_root(bytes(6_000_000), bytes(32), 0)
    assert end(start(code, tmp_path)) == f"{found.hex()} False"


def test_chunk_root__little_to_hash__makes_no_kernels(tmp_path):
    code = """
        import sys
        import counterfoil
        from counterfoil.formats.chunks import chunk_root
        from counterfoil.hashing import lanes
        for _ in range(10):
            chunk_root(bytes(8192), bytes(32), 0)
        print(lanes._building, "llvmlite" in sys.modules, "numba" in sys.modules)
    """
    assert end(start(code, tmp_path)) == "None False False"


def test_chunk_root__kernels_not_made_yet__answers_the_plain_way(tmp_path):
    """The first large hash is done while LLVM is held up for as long as it likes."""
    code = """
        import threading
        from counterfoil.formats.chunks import chunk_root
        from counterfoil.hashing import lanes
        real, go = lanes.build, threading.Event()
        def slow():
            go.wait(60)
            return real()
        lanes.build = slow
        first = chunk_root(bytes(6_000_000), bytes(32), 0)
        waited = lanes._kernels is None and lanes._building.is_alive()
        go.set()
        assert lanes.available()
        print(waited, first == chunk_root(bytes(6_000_000), bytes(32), 0))
    """
    assert end(start(code, tmp_path)) == "True True"


@linux
def test_fork__while_kernels_are_made__neither_side_hangs(tmp_path):
    code = """
        import os
        from counterfoil.formats.chunks import chunk_root
        from counterfoil.hashing import lanes
        lanes._begin()
        child = os.fork()
        root = chunk_root(bytes(6_000_000), bytes(32), 0).hex()
        if child == 0:
            os._exit(0 if root.startswith(os.environ["EXPECTED"]) else 1)
        print(os.waitpid(child, 0)[1], lanes.available())
    """
    expected = chunk_root(bytes(6_000_000), bytes(32), 0).hex()
    assert end(start(code, tmp_path, EXPECTED=expected)) == "0 True"


def test_exit__while_kernels_are_made__is_clean(tmp_path):
    code = """
        from counterfoil.hashing import lanes
        lanes._begin()
    """
    assert end(start(code, tmp_path)) == ""
