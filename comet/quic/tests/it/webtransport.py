"""A WebTransport client by aioquic, in the dtalk dialect. Usage: webtransport.py PORT CERTIFICATE.

Signs in, sends a message that comes back as a delivery, and closes its session.
"""

import asyncio
import os
import ssl
import struct
import sys

from aioquic.asyncio import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import FrameType, H3Connection
from aioquic.h3.events import HeadersReceived, WebTransportStreamDataReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, ProtocolNegotiated

AUTH, AUTH_REPLY, SEND, SEND_REPLY, DELIVER, DELIVER_ACK = 1, 2, 7, 8, 9, 10
HEAD = struct.Struct(">IHHIII")


class Browser(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.headers, self.bytes = asyncio.Queue(), asyncio.Queue()
        self.rest = b""

    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated):
            self.http = H3Connection(self._quic, enable_webtransport=True)
        if isinstance(event, ConnectionTerminated):
            print("closed", hex(event.error_code))
        for found in self.http.handle_event(event):
            if isinstance(found, HeadersReceived):
                self.headers.put_nowait(dict(found.headers))
            if isinstance(found, WebTransportStreamDataReceived):
                self.bytes.put_nowait(found.data)

    async def open(self, path):
        session = self._quic.get_next_available_stream_id()
        fields = {
            ":method": "CONNECT",
            ":scheme": "https",
            ":authority": "gateway.test",
            ":path": path,
            ":protocol": "webtransport",
            "origin": "https://chat.test",
        }
        headers = [(name.encode(), value.encode()) for name, value in fields.items()]
        self.http.send_headers(session, headers)
        self.transmit()
        answer = await asyncio.wait_for(self.headers.get(), 10)
        print("status", answer[b":status"].decode())
        return session

    def stream(self, session):
        stream = self.http.create_webtransport_stream(session)
        # aioquic takes what comes on it for frames otherwise.
        with self.http._get_or_create_stream(stream) as state:
            state.frame_type = FrameType.WEBTRANSPORT_STREAM
            state.session_id = session
        return stream

    def send(self, stream, op, seq, ack=0, body=b""):
        packet = HEAD.pack(HEAD.size + len(body), HEAD.size, 1, op, seq, ack) + body
        self._quic.send_stream_data(stream, packet)
        self.transmit()

    async def receive(self):
        while len(self.rest) < 4 or len(self.rest) < HEAD.unpack(self.rest[: HEAD.size])[0]:
            self.rest += await asyncio.wait_for(self.bytes.get(), 10)
        length, _, _, op, seq, _ = HEAD.unpack(self.rest[: HEAD.size])
        body, self.rest = self.rest[HEAD.size : length], self.rest[length:]
        return op, seq, body.decode()


async def main(port, authority):
    configuration = QuicConfiguration(is_client=True, alpn_protocols=["h3"])
    configuration.max_datagram_frame_size = 65536
    configuration.verify_mode = ssl.CERT_REQUIRED
    configuration.load_verify_locations(authority)
    configuration.server_name = "gateway.test"
    async with connect(
        "127.0.0.1", port, configuration=configuration, create_protocol=Browser
    ) as browser:
        await browser.open("/elsewhere")
        session = await browser.open("/sub")
        stream = browser.stream(session)
        browser.send(stream, AUTH, 1, 0, b"\x0a\x05dtalk\x12\x03bob")
        print("packet", *await browser.receive())
        browser.send(stream, SEND, 2, 0, b"echo hello")
        for packet in sorted([await browser.receive(), await browser.receive()]):
            print("packet", *packet)
        browser.send(stream, DELIVER_ACK, 3, 1)
        browser._quic.send_stream_data(session, b"", end_stream=True)
        browser.transmit()
        await asyncio.wait_for(browser.wait_closed(), 10)
    sys.stdout.flush()
    os._exit(0)


asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
