"""Python with the `websockets` package: python3 python.py PORT

/room/NAME: what a member says goes to all members, itself included. /echo: to itself.
"""

import asyncio
import collections
import sys

from websockets.asyncio.server import broadcast, serve

rooms = collections.defaultdict(set)


async def handle(socket):
    path = socket.request.path
    if not path.startswith("/room/"):
        async for body in socket:
            await socket.send(body)
        return
    rooms[path].add(socket)
    try:
        async for body in socket:
            broadcast(rooms[path], body)
    finally:
        rooms[path].discard(socket)


async def main():
    options = {"compression": None, "ping_interval": None, "max_queue": None, "backlog": 4096}
    async with serve(handle, "127.0.0.1", int(sys.argv[1]), **options):
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
