"""A client of the comet dialect over QUIC by aioquic, made from protocol/README.md.

Usage: aioquic.py PORT CERTIFICATE. Signs in, sends a message that comes back as a delivery, sends
another one and is cut before it hears of it, comes back with its ticket, and goes on.
"""

import asyncio
import os
import ssl
import struct
import sys
import traceback

from aioquic.asyncio import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import HandshakeCompleted

AUTH, WELCOME, DELIVER, ACK, SEND, SEND_REPLY = 1, 32, 34, 37, 39, 40
HEAD = struct.Struct(">IHHIII")


def varint(number):
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes(encoded + bytes([number]))


def data(tag, value):
    return varint(tag << 3 | 2) + varint(len(value)) + value


def number(tag, value):
    return varint(tag << 3) + varint(value) if value else b""


def fields(body):
    """The fields of a protobuf message: numbers and bytes by tag."""
    found, at = {}, 0

    def read():
        nonlocal at
        value = shift = 0
        while True:
            byte = body[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(body):
        key = read()
        if key & 7 == 0:
            found[key >> 3] = read()
        else:
            length = read()
            found[key >> 3] = body[at : at + length]
            at += length
    return found


class Protocol(QuicConnectionProtocol):
    def quic_event_received(self, event):
        if isinstance(event, HandshakeCompleted):
            print("alpn", event.alpn_protocol)
        super().quic_event_received(event)

    def cut(self):
        """The network is gone: nothing is said, and nothing is heard."""
        self._transport.close()
        self.transmit = lambda: None


class Session:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    def send(self, op, seq=0, ack=0, body=b""):
        self.writer.write(HEAD.pack(HEAD.size + len(body), HEAD.size, 2, op, seq, ack) + body)

    async def receive(self):
        head = await asyncio.wait_for(self.reader.readexactly(HEAD.size), 10)
        length, _, _, op, seq, ack = HEAD.unpack(head)
        return op, seq, ack, await self.reader.readexactly(length - HEAD.size)

    async def open(self, attempt, **resume):
        body = data(1, b"dtalk") + data(2, b"alice") + number(16, 3)
        if resume:
            body += data(19, resume["ticket"]) + number(20, resume["last"])
            body += number(22, resume["first"])
        self.send(AUTH, attempt, 0, body)
        op, _, _, body = await self.receive()
        assert op == WELCOME, (op, body)
        print("welcome")
        return fields(body)

    async def expect(self, count):
        """So many replies and deliveries, in this order. A reply may come twice."""
        packets = set()
        while len(packets) < count:
            packets.add(await self.receive())
        for op, seq, _, body in sorted(packets, key=lambda it: (-it[0], it[2])):
            if op == DELIVER:
                print("delivery", seq, body.decode())
                self.send(ACK, 0, seq)
            else:
                assert op == SEND_REPLY, op
                print("reply", body.decode())


async def main(port, authority):
    configuration = QuicConfiguration(is_client=True, alpn_protocols=["comet"])
    configuration.verify_mode = ssl.CERT_REQUIRED
    configuration.load_verify_locations(authority)
    configuration.server_name = "gateway.test"

    def connection():
        return connect(
            "127.0.0.1", port, configuration=configuration, create_protocol=Protocol
        )

    cut = connection()
    protocol = await cut.__aenter__()
    session = Session(*await protocol.create_stream())
    welcome = await session.open(1)
    session.send(SEND, 1, 0, b"echo one")
    await session.expect(2)
    session.send(SEND, 2, 1, b"echo two")
    protocol.transmit()
    protocol.cut()
    print("cut")

    async with connection() as protocol:
        session = Session(*await protocol.create_stream())
        again = await session.open(2, ticket=welcome[4], last=1, first=2)
        assert again.get(1) == welcome.get(1) and again[3] == 1, "the same session"
        session.send(SEND, 2, 1, b"echo two")
        session.send(SEND, 3, 1, b"three")
        await session.expect(3)


async def run():
    try:
        await asyncio.wait_for(main(int(sys.argv[1]), sys.argv[2]), 20)
    except BaseException:
        # Here, as the end of the loop waits for the connection that was cut.
        traceback.print_exc()
        sys.stdout.flush()
        os._exit(1)
    sys.stdout.flush()
    # The connection that was cut would be waited for.
    os._exit(0)


asyncio.run(run())
