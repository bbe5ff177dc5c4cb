"""What the kernels and their callers share: how a scanned line is laid out. (No Numba here.)"""

# Columns of `spans`: the text fields in the order of the format.
(OWNER, BUCKET, IP, REQUESTER, REQUEST_ID, OPERATION, KEY, URI, ERROR, REFERER, AGENT) = range(11)
TAIL = 11  # version_id and the nine fields after it
EXTRA = TAIL + 10  # all that follows the 27 fields, as one span, a space before each
SPANS = EXTRA + 1

# Columns of `numbers`.
TIME, STATUS, BYTES_SENT, OBJECT_SIZE, TOTAL_TIME, TURN_AROUND_TIME = range(6)
NUMBERS = 6
NULL = -1

# Verdicts. The kernel says one of the first four; a WIDE line is FAST if it is UTF-8. What the strict path
# makes of the others takes the place of STRICT.
STRICT, FAST, WIDE, BLANK, READ, REJECTED = range(6)

# What `valid` says of a text that is not null: it is one, or was decoded to what may not be UTF-8.
TEXT, DECODED = 1, 2

ROOM = 128  # bytes behind the last line, and behind what is copied, that kernels may read or write
# How many arguments each kernel has, addresses and numbers; their types are in `build`.
ARGUMENTS = {
    **{"scan": 10, "mark": 11, "grow": 3, "choose": 13},
    **{"append_text": 11, "append_key": 11, "append_numbers": 7},
}
