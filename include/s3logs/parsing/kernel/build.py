"""Translate the kernels to LLVM's language. The only module at work that needs Numba."""

import re
from typing import Any

from llvmlite import binding
from numba import njit, types

from include.s3logs.parsing.kernel import repeats, rows, scan
from include.s3logs.parsing.kernel.layout import ARGUMENTS
from include.s3logs.parsing.kernel.machine import BYTES

_POSITIONS, _NUMBERS, _WORDS, _SHORTS = map(
    types.CPointer, (types.int32, types.int64, types.uint64, types.uint16)
)
_COUNT = types.int64
_APPEND = (
    *(BYTES, BYTES, BYTES, _POSITIONS, _COUNT, _POSITIONS, _COUNT),
    *(BYTES, _COUNT, _POSITIONS, BYTES),
)
# Arguments of each kernel, in order; all return a number.
_KERNELS = {
    scan.scan: (BYTES, _COUNT, _COUNT, _COUNT, _POSITIONS, BYTES, _NUMBERS, _POSITIONS, _NUMBERS, _WORDS),
    repeats.mark: (
        *(BYTES, _NUMBERS, BYTES, _COUNT, _WORDS, _WORDS, _WORDS, _SHORTS, _COUNT, _COUNT, BYTES),
    ),
    repeats.grow: (_WORDS, _SHORTS, _COUNT),
    rows.choose: (
        *(BYTES, BYTES, BYTES, BYTES, _POSITIONS, _NUMBERS, _COUNT),
        *(BYTES, _POSITIONS, _COUNT, _COUNT, _COUNT, _POSITIONS),
    ),
    rows.append_text: _APPEND,
    rows.append_key: _APPEND,
    rows.append_numbers: (_NUMBERS, _POSITIONS, _COUNT, _POSITIONS, _COUNT, _NUMBERS, _COUNT),
}


def module() -> Any:
    """Return all kernels as one LLVM module, under their plain names."""
    whole = binding.parse_assembly("")
    for kernel, arguments in _KERNELS.items():
        options = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
        compiled = njit(types.int64(*arguments), **options)(kernel)
        if len(arguments) != ARGUMENTS[kernel.__name__]:
            raise TypeError(f"{kernel.__name__} is called with another number of arguments")
        (text,) = compiled.inspect_llvm().values()
        (name,) = re.findall(rf'^define (?!linkonce)[^@]*@"?([\w.$]*{kernel.__name__}[\w.$]*)', text, re.M)
        whole.link_in(binding.parse_assembly(text.replace(name, kernel.__name__)))
    whole.verify()
    return whole
