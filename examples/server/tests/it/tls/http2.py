# Sessions on streams of one HTTP/2 connection (RFC 8441), by the package h2.
#
# Arguments: the port, a file with the certificate, what is to be tried, and frames in hexadecimal.

import os, socket, ssl, struct, sys, time

import h2.config, h2.connection, h2.events, h2.settings

PORT, CERTIFICATE, WHAT = int(sys.argv[1]), sys.argv[2], sys.argv[3]
FRAMES = [bytes.fromhex(text) for text in sys.argv[4:]]


class Ended(Exception):
    pass


class Connection:
    def __init__(self):
        context = ssl.create_default_context(cafile=CERTIFICATE)
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection(("127.0.0.1", PORT), timeout=30)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        assert self.socket.selected_alpn_protocol() == "h2"
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.heads, self.bodies, self.over = {}, {}, set()
        self.flush()
        assert self.until(lambda: self.h2.remote_settings.enable_connect_protocol == 1)

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def until(self, is_so, within=30.0):
        end = time.monotonic() + within
        while not is_so():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except socket.timeout:
                return is_so()
            if not data:
                raise Ended()
            for event in self.h2.receive_data(data):
                stream = getattr(event, "stream_id", None)
                if isinstance(event, h2.events.ResponseReceived):
                    self.heads[stream] = dict(event.headers)
                elif isinstance(event, h2.events.DataReceived):
                    self.bodies[stream] = self.bodies.get(stream, b"") + event.data
                    self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
                elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                    self.over.add(stream)
                elif isinstance(event, h2.events.ConnectionTerminated):
                    self.over.add(0)
            self.flush()
        return True

    def ask(self, method, path, more=(), end=True, protocol=None):
        stream = self.h2.get_next_available_stream_id()
        head = [(":method", method), (":authority", f"localhost:{PORT}"), *more]
        if method != "CONNECT" or protocol:
            head[1:1] = [(":scheme", "https"), (":path", path)]
        if protocol:
            head.insert(0, (":protocol", protocol))
        self.h2.send_headers(stream, head, end_stream=end)
        self.flush()
        assert self.until(lambda: stream in self.heads or stream in self.over), "an answer"
        return stream, int(self.heads.get(stream, {}).get(":status", 0))

    def connect(self, path="/sub", protocol="websocket", more=()):
        version = [("sec-websocket-version", "13"), *more]
        return self.ask("CONNECT", path, version, end=False, protocol=protocol)


class Session:
    def __init__(self, connection, stream):
        self.connection, self.stream = connection, stream

    def send(self, frame, opcode=2):
        mask = os.urandom(4)
        body = bytes(byte ^ mask[at % 4] for at, byte in enumerate(frame))
        length = bytes([0x80 | len(body)]) if len(body) < 126 else struct.pack(">BH", 0xFE, len(body))
        self.connection.h2.send_data(self.stream, bytes([0x80 | opcode]) + length + mask + body)
        self.connection.flush()

    def receive(self):
        """The operation, the sequence number and the body of the next packet."""
        while True:
            first, payload = self.message()
            if first != 0x89:
                assert first == 0x82, first
                _, _, _, op, seq, _ = struct.unpack(">IHHIII", payload[:20])
                return op, seq, payload[20:]

    def message(self):
        def whole():
            data = self.connection.bodies.get(self.stream, b"")
            if len(data) < 2:
                return None
            size, start = data[1], 2
            if size == 126:
                if len(data) < 4:
                    return None
                size, start = struct.unpack(">H", data[2:4])[0], 4
            return (start, size) if len(data) >= start + size else None

        assert self.connection.until(lambda: whole() is not None), "a message"
        start, size = whole()
        data = self.connection.bodies[self.stream]
        self.connection.bodies[self.stream] = data[start + size :]
        return data[0], data[start : start + size]


def session(connection, auth):
    stream, status = connection.connect()
    assert status == 200, status
    session = Session(connection, stream)
    session.send(auth)
    assert session.receive()[0] == 2, "a session"
    return session


def chat():
    """Two sessions and requests on one connection."""
    auth_a, auth_b, message, ack, beat = FRAMES
    connection = Connection()
    alice, bob = session(connection, auth_a), session(connection, auth_b)
    stream, status = connection.ask("GET", "/ping")
    assert (status, connection.until(lambda: stream in connection.over)) == (200, True)
    assert connection.bodies[stream] == b"pong"
    alice.send(message)
    assert alice.receive()[0] == 8, "stored"
    op, seq, body = bob.receive()
    assert (op, seq) == (9, 1) and b"over http/2" in body
    bob.send(ack)
    # Silent for longer than a connection without sessions may be.
    assert not connection.until(lambda: 0 in connection.over, within=2.5)
    bob.send(beat)
    assert bob.receive()[0] == 4, "a heartbeat"
    for it in (alice, bob):
        it.send(struct.pack(">H", 1000), opcode=8)
        # Deliveries may come before the answer.
        while it.message()[0] != 0x88:
            pass
        connection.h2.end_stream(it.stream)
    connection.flush()
    try:
        connection.until(lambda: 0 in connection.over)
        assert 0 in connection.over, "the end of an idle connection"
    except Ended:
        pass
    print("chatted")


def refusals():
    """What is no session is answered by a status, and the connection goes on."""
    connection = Connection()
    assert connection.connect(protocol="chat")[1] == 501
    for path in ("/nowhere", "/ping", "/"):
        assert connection.connect(path=path)[1] == 405, path
    assert connection.connect(more=[("origin", "https://evil.test")])[1] == 403
    assert connection.ask("CONNECT", "", end=False)[1] in (400, 405)
    assert connection.ask("GET", "/sub")[1] in (400, 426)
    version = [("sec-websocket-version", "12")]
    assert connection.ask("CONNECT", "/sub", version, end=False, protocol="websocket")[1] == 426
    statuses = [connection.connect()[1] for _ in range(3)]
    assert statuses == [200, 200, 429], statuses
    assert connection.ask("GET", "/ping")[1] == 200
    print("refused")


{"chat": chat, "refusals": refusals}[WHAT]()
