"""Python's websockets with permessage-deflate: websockets.py URL-OF-RELAY."""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory as Deflate

RELAY = sys.argv[1]
OFFERS = [
    Deflate(client_max_window_bits=True),
    Deflate(server_max_window_bits=9, client_max_window_bits=9),
    Deflate(server_no_context_takeover=True, client_no_context_takeover=True),
]


def chat(length):
    return '{"from":"alice","text":"hello there \U0001f600 "}' * (length // 40 + 1)


def opened(path, offer):
    return connect(RELAY + path, compression=None, extensions=[offer], max_size=1 << 20)


async def echo(offer):
    async with opened("/echo", offer) as socket:
        assert [it.name for it in socket.protocol.extensions] == ["permessage-deflate"]
        for length in 0, 1, 125, 127, 128, 2_000, 70_000:
            for message in chat(length)[:length], bytes(length):
                await socket.send(message)
                assert await socket.recv() == message, length
        # An iterable is sent in fragments.
        await socket.send(["in ", "three ", "pieces"])
        assert await socket.recv() == "in three pieces"


async def room():
    members = [await opened("/room/lobby", offer) for offer in OFFERS]
    for sender in members:
        message = chat(3_000)
        await sender.send(message)
        for member in members:
            assert await member.recv() == message
    for member in members:
        await member.close()


async def main():
    for offer in OFFERS:
        await echo(offer)
    await room()
    print("done")


asyncio.run(asyncio.wait_for(main(), 30))
