"""The compiled fast path of the parser: loops over the bytes of many lines, written for Numba.

`scan` finds the fields of each line, `fields` says what they may be. `repeats` finds lines that are byte for
byte the same, `rows` chooses lines and copies their fields into Arrow buffers. `build` compiles all that,
`compiled` keeps and loads the result; whoever calls a kernel gets it there.
"""
