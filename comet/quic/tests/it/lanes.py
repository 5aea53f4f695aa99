"""Lanes and datagrams of the comet dialect by aioquic, made from protocol/README.md.

Usage: lanes.py PORT CERTIFICATE. Signs in, asks for a delivery in each lane, a best-effort and a
latest one, and says by which stream or datagram each has come; acks them, and goes.
"""

import asyncio
import os
import ssl
import struct
import sys

from aioquic.asyncio import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import DatagramFrameReceived

AUTH, WELCOME, DELIVER, BEST_EFFORT, LATEST, ACK, SEND, SEND_REPLY = 1, 32, 34, 35, 36, 37, 39, 40
RESUME, LATEST_BIT, LANES, DATAGRAMS = 1, 2, 4, 8
HEAD = struct.Struct(">IHHIII")


def data(tag, value):
    return bytes([tag << 3 | 2, len(value)]) + value


def split(packet):
    length, _, _, op, seq, ack = HEAD.unpack(packet[: HEAD.size])
    assert length == len(packet), packet
    return op, seq, ack, packet[HEAD.size :]


async def receive(reader):
    head = await asyncio.wait_for(reader.readexactly(HEAD.size), 10)
    return split(head + await reader.readexactly(HEAD.unpack(head)[0] - HEAD.size))


class Protocol(QuicConnectionProtocol):
    datagrams = None

    def quic_event_received(self, event):
        if isinstance(event, DatagramFrameReceived):
            self.datagrams.put_nowait(event.data)
        super().quic_event_received(event)


async def main(port, authority):
    configuration = QuicConfiguration(is_client=True, alpn_protocols=["comet"])
    configuration.max_datagram_frame_size = 65536
    configuration.verify_mode = ssl.CERT_REQUIRED
    configuration.load_verify_locations(authority)
    configuration.server_name = "gateway.test"
    streams = asyncio.Queue()

    def opened(reader, writer):
        streams.put_nowait(reader)

    async with connect(
        "127.0.0.1",
        port,
        configuration=configuration,
        create_protocol=Protocol,
        stream_handler=opened,
    ) as protocol:
        protocol.datagrams = asyncio.Queue()
        reader, writer = await protocol.create_stream()

        def send(op, seq=0, ack=0, body=b""):
            head = HEAD.pack(HEAD.size + len(body), HEAD.size, 2, op, seq, ack)
            writer.write(head + body)

        wishes = RESUME | LATEST_BIT | LANES | DATAGRAMS
        # Field 16, a number: its key takes two bytes.
        send(AUTH, 1, 0, data(1, b"dtalk") + data(2, b"alice") + bytes([0x80, 0x01, wishes]))
        op, _, _, body = await receive(reader)
        assert op == WELCOME, op
        assert bytes([7 << 3, wishes]) in body, body
        print("welcome")
        send(SEND, 1, 0, b"lanes")
        found = []
        for _ in range(3):
            stream = await asyncio.wait_for(streams.get(), 10)
            lane = (await asyncio.wait_for(stream.readexactly(1), 10))[0]
            op, seq, _, body = await receive(stream)
            assert op == DELIVER, op
            found.append((lane, seq, body.decode()))
        for lane, _, body in sorted(found):
            print("lane", lane, body)
        assert sorted(seq for _, seq, _ in found) == [1, 2, 3], found
        send(ACK, 0, 3)
        for _ in range(2):
            op, seq, _, body = split(await asyncio.wait_for(protocol.datagrams.get(), 10))
            print("datagram", {BEST_EFFORT: "best effort", LATEST: "latest"}[op], seq, body[-1:])
        op, _, _, _ = await receive(reader)
        assert op == SEND_REPLY, op
        print("reply")
        # What was written before has arrived, too.
        await asyncio.wait_for(protocol.ping(), 10)
    sys.stdout.flush()
    os._exit(0)


asyncio.run(asyncio.wait_for(main(int(sys.argv[1]), sys.argv[2]), 20))
