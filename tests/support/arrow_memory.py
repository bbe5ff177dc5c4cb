"""How much memory Arrow's tables take, told by its own allocator."""

from contextlib import contextmanager

import pyarrow as pa


@contextmanager
def counted():
    """Count what Arrow allocates in the block: the pool that is given tells its peak, `max_memory()`."""
    before = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(before)
    pa.set_memory_pool(pool)
    try:
        yield pool
    finally:
        pa.set_memory_pool(before)
