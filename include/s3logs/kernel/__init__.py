"""The compiled fast path of the parser (Numba): three kernels over the bytes of many lines.

`scan` finds the fields of each line, `gather` copies fields into Arrow buffers, `repeats` finds lines that
are byte for byte the same. Numba keys its cache on one source file, so no kernel calls one in another file.
"""
