"""Let a server on loopback answer as late as one that is some way off: a proxy that holds requests back.

    python -m tests.support.distant PORT MILLISECONDS

prints the port where it listens. What comes from a client is passed on after that time; answers at once.
"""

import asyncio
import subprocess
import sys
from contextlib import contextmanager

from tests.support.processes import started

_READ = 1 << 16


async def _pass_on(reader, writer, seconds):
    """Pass everything on, each part `seconds` after it came."""
    parts = asyncio.Queue()
    loop = asyncio.get_running_loop()

    async def take():
        while data := await reader.read(_READ):
            parts.put_nowait((loop.time() + seconds, data))
        parts.put_nowait((0, b""))

    taking = asyncio.create_task(take())
    try:
        while True:
            due, data = await parts.get()
            if not data:
                break
            if (pause := due - loop.time()) > 0:
                await asyncio.sleep(pause)
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass  # one of the two has gone, as clients and servers do
    finally:
        taking.cancel()
        writer.close()


async def _serve(port, seconds):
    async def connected(reader, writer):
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_pass_on(reader, back, seconds), _pass_on(there, writer, 0))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def distant(endpoint, milliseconds):
    """Give an endpoint at which the server of another one answers later."""
    port = endpoint.rpartition(":")[2]
    command = [sys.executable, "-m", "tests.support.distant", port, milliseconds]
    with started(*command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))
