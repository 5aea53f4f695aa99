#!/usr/bin/env python3
"""A chat client of the bundled server, in the dtalk dialect over TCP.

Made from protocol/README.md and backends/dtalk/README.md alone. It signs in by the demo, prints
what arrives, and sends each line that it reads:

    protoc --python_out=examples/client -I backends/dtalk dtalk.proto
    python3 examples/client/chat.py alice bob        # alice, who writes to bob

Needs protoc and the protobuf package of Python (Debian: protobuf-compiler, python3-protobuf).
"""

import json
import os
import socket
import struct
import sys
import threading
import time
import urllib.request
import uuid

import dtalk_pb2 as dtalk

AUTH, AUTH_REPLY, HEARTBEAT, SEND, SEND_REPLY, DELIVER, DELIVER_ACK = 1, 2, 3, 7, 8, 9, 10
HEAD = struct.Struct(">IHHIII")


def sign_in(http, name):
    """The demo's sign-in: the address and a token of the user with this name."""
    body = json.dumps({"name": name}).encode()
    request = urllib.request.Request(
        f"http://{http}/demo/login", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        envelope = json.load(answer)
    if envelope["result"] != 0:
        sys.exit(envelope["message"])
    return envelope["data"]["address"], envelope["data"]["token"]


class Session:
    """One connection. Everything sent is counted from 1."""

    def __init__(self, tcp, token):
        host, port = tcp.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)))
        self.stream = self.socket.makefile("rb")
        self.seq = 0
        self.answered = threading.Semaphore(0)
        self.lock = threading.Lock()
        login = dtalk.Login(device=dtalk.LINUX, uuid=str(uuid.uuid4()), device_name="chat.py")
        self.send(AUTH, auth_msg("dtalk", token, login.SerializeToString()))
        op, _, _, body = self.receive()
        if op != AUTH_REPLY or body:
            sys.exit("not let in")

    def send(self, op, body=b"", ack=0):
        with self.lock:
            self.seq += 1
            head = HEAD.pack(HEAD.size + len(body), HEAD.size, 1, op, self.seq, ack)
            self.socket.sendall(head + body)

    def receive(self):
        head = self.stream.read(HEAD.size)
        if len(head) < HEAD.size:
            sys.exit("the server closed the connection")
        length, _, _, op, seq, ack = HEAD.unpack(head)
        return op, seq, ack, self.stream.read(length - HEAD.size)

    def say(self, target, text):
        common = dtalk.Common(
            channel_type=dtalk.TO_USER,
            msg_id=str(uuid.uuid4()),
            target=target,
            msg_type=dtalk.TEXT,
            msg=dtalk.Text(content=text).SerializeToString(),
        )
        proto = dtalk.Proto(event_type=dtalk.COMMON, body=common.SerializeToString())
        self.send(SEND, proto.SerializeToString())

    def listen(self):
        """Prints what arrives, and acknowledges each delivery."""
        while True:
            op, seq, _, body = self.receive()
            if op == DELIVER and seq != 0:
                self.send(DELIVER_ACK, ack=seq)
            if op in (DELIVER, SEND_REPLY):
                show(dtalk.Proto.FromString(body))
            if op == SEND_REPLY:
                self.answered.release()

    def beat(self):
        """Lets the server hear of this client when it has nothing else to say."""
        while True:
            time.sleep(60)
            self.send(HEARTBEAT)


def auth_msg(app, token, ext):
    """AuthMsg { 1 string appId; 2 string token; 3 bytes ext }, by hand: it is the gateway's own."""
    fields = [(b"\x0a", app.encode()), (b"\x12", token.encode()), (b"\x1a", ext)]
    return b"".join(tag + varint(len(value)) + value for tag, value in fields)


def varint(number):
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes(encoded + bytes([number]))


def show(proto):
    if proto.event_type == dtalk.COMMON:
        common = dtalk.Common.FromString(proto.body)
        text = dtalk.Text.FromString(common.msg).content
        print(f"{getattr(common, 'from')}: {text}", flush=True)
    elif proto.event_type == dtalk.COMMON_ACK:
        stored = dtalk.CommonAck.FromString(proto.body)
        print(f"stored as {stored.log_id}", flush=True)
    elif proto.event_type == dtalk.SIGNAL:
        signal = dtalk.Signal.FromString(proto.body)
        print(f"signal {dtalk.SignalType.Name(signal.type)}", flush=True)


def main():
    name, friend = sys.argv[1:3]
    http = os.environ.get("COMET_HTTP", "127.0.0.1:8888")
    tcp = os.environ.get("COMET_TCP", "127.0.0.1:3101")
    _, token = sign_in(http, name)
    target, _ = sign_in(http, friend)
    session = Session(tcp, token)
    print(f"signed in as {name}", flush=True)
    for work in (session.listen, session.beat):
        threading.Thread(target=work, daemon=True).start()
    sent = 0
    for line in sys.stdin:
        session.say(target, line.rstrip("\n"))
        sent += 1
    for _ in range(sent):
        if not session.answered.acquire(timeout=10):
            sys.exit("a message was not answered")


if __name__ == "__main__":
    main()
