"""The operators of docs/programs.md §5 as LLVM assembly, with plain integer vectors.

A product widens bytes to 16 bits, multiplies pairs into 32-bit sums and never saturates: LLVM
turns that into whatever the processor has for it. The two roundings are single float32
operations without fast-math, so none is fused or left out; a whole number is rounded by adding
1.5 · 2^23, at which float32 has no fractions (halves go to even, as for every addition).

Every kernel takes a trace's bytes, scratch and its numbers (`fields`), and trusts them: they
come from a program that was checked. Vectors may read `fields.SLACK` bytes past a row.
"""

from __future__ import annotations

from typing import Final

from . import elements, windows


def assembly() -> str:
    """The module's LLVM assembly."""
    return "\n".join(
        (
            "declare <16 x i8> @llvm.umax.v16i8(<16 x i8>, <16 x i8>)",
            "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
            "",
            *windows.functions(),
            *elements.functions(),
            _RUN,
            "attributes #0 = { nounwind }",
            "",
        )
    )


_RUN: Final = """define void @run(ptr %data, ptr %scratch, ptr %steps, i64 %n) #0 {
entry:
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %next, %inside ]
  %more = icmp ult i64 %i, %n
  br i1 %more, label %inside, label %end
inside:
  %offset = shl i64 %i, 4
  %step = getelementptr i8, ptr %steps, i64 %offset
  %kernel = load ptr, ptr %step
  %second = getelementptr i8, ptr %step, i64 8
  %args = load ptr, ptr %second
  call void %kernel(ptr %data, ptr %scratch, ptr %args)
  %next = add i64 %i, 1
  br label %head
end:
  ret void
}
"""
"""A whole run: kernels and their numbers, one pair after the other."""
