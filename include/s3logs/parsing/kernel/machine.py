"""What Numba has no words for: vectors of bytes, words in memory, bits, and the wide product.

Each function here is a few instructions of the processor. Positions are not checked; the callers promise
`layout.ROOM` bytes behind the end.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

BYTES = types.CPointer(types.uint8)
_I1, _I8, _I64, _I128 = (ir.IntType(width) for width in (1, 8, 64, 128))
_BLOCK = 64  # bytes that `special_bytes` looks at
_COPY = 32  # bytes that `copy_32` copies
Build = Callable[[Any, list[Any]], Any]


def _instruction(result: Any, build: Build, arity: int) -> Any:
    """Make an intrinsic of `arity` arguments (1 to 4) whose code `build(builder, arguments)` emits."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = build(builder, arguments)
        return context.get_dummy_value() if result is types.void else value

    def one(typing: Any, a: Any) -> Any:
        return result(a), code

    def two(typing: Any, a: Any, b: Any) -> Any:
        return result(a, b), code

    def four(typing: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        return result(a, b, c, d), code

    return intrinsic({1: one, 2: two, 4: four}[arity])


def _vector_at(builder: Any, width: int, pointer: Any, at: Any) -> Any:
    vector = ir.VectorType(_I8, width).as_pointer()
    return builder.bitcast(builder.gep(pointer, [at]), vector)


def _special(builder: Any, arguments: list[Any]) -> Any:
    vector = ir.VectorType(_I8, _BLOCK)
    found = builder.load(_vector_at(builder, _BLOCK, *arguments), align=1)

    def all_of(value: int) -> Any:
        return ir.Constant(vector, [value] * _BLOCK)

    unusual = builder.icmp_unsigned(">=", builder.sub(found, all_of(0x21)), all_of(0x7F - 0x21))
    for byte in b'"[]':
        unusual = builder.or_(unusual, builder.icmp_unsigned("==", found, all_of(byte)))
    return builder.bitcast(unusual, _I64)


def _copied(builder: Any, arguments: list[Any]) -> Any:
    target, to, source, at = arguments
    found = builder.load(_vector_at(builder, _COPY, source, at), align=1)
    return builder.store(found, _vector_at(builder, _COPY, target, to), align=1)


def _word(builder: Any, arguments: list[Any]) -> Any:
    return builder.load(
        builder.bitcast(builder.gep(*arguments[:1], arguments[1:]), _I64.as_pointer()), align=1
    )


def _high(builder: Any, arguments: list[Any]) -> Any:
    product = builder.mul(*(builder.zext(value, _I128) for value in arguments))
    return builder.trunc(builder.lshr(product, ir.Constant(_I128, 64)), _I64)


def _folded(builder: Any, arguments: list[Any]) -> Any:
    return builder.xor(_high(builder, arguments), builder.mul(*arguments))


special_bytes: Any = _instruction(types.uint64, _special, 2)
"""(data, at) → a bit for each of the 64 bytes from `at` on: is it a quote, a bracket or not graphic?"""
copy_32: Any = _instruction(types.void, _copied, 4)
"""(target, to, source, at): copy 32 bytes."""
word_at: Any = _instruction(types.uint64, _word, 2)
"""(data, at) → the eight bytes from `at` on as a number, the first one lowest."""
fold: Any = _instruction(types.uint64, _folded, 2)
"""(a, b) → the high and the low half of their 128-bit product, combined by exclusive or."""
high_half: Any = _instruction(types.uint64, _high, 2)
"""(a, b) → the high half of their 128-bit product."""
lowest_bit: Any = _instruction(
    types.int64, lambda builder, arguments: builder.cttz(arguments[0], ir.Constant(_I1, 0)), 1
)
"""(bits) → the place of the lowest bit that is set, 64 if none is."""
bits_set: Any = _instruction(types.int64, lambda builder, arguments: builder.ctpop(arguments[0]), 1)
"""(bits) → how many are set."""
