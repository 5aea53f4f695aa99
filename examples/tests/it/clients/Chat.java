// Java's WebSocket against the relay, in the comet dialect (protocol/README.md).
//
// Usage: java Chat.java SCHEME ADDRESS CERTIFICATE. Two users chat in a room; one of them is cut,
// misses a message, and comes back with its ticket. Prints what they see.

import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

class Chat {
    static final int AUTH = 1, WELCOME = 32, DELIVER = 34, ACK = 37, SEND = 39, SEND_REPLY = 40;
    static final int PING = 44, PONG = 45, LEAVE = 46, HEAD = 20;
    /** In place of a packet: the server has closed, with this code in its seq. */
    static final int CLOSED = -1;

    record Packet(int op, int seq, int ack, byte[] body) {}

    /** A connection, and the packets that have come over it. */
    static class Line implements WebSocket.Listener {
        final LinkedBlockingQueue<Packet> came = new LinkedBlockingQueue<>();
        final ByteArrayOutputStream message = new ByteArrayOutputStream();
        final WebSocket socket;

        Line(HttpClient client, String url) {
            socket = client.newWebSocketBuilder().buildAsync(URI.create(url), this).join();
        }

        @Override
        public CompletionStage<?> onBinary(WebSocket socket, ByteBuffer part, boolean last) {
            byte[] bytes = new byte[part.remaining()];
            part.get(bytes);
            message.writeBytes(bytes);
            if (last) {
                ByteBuffer packets = ByteBuffer.wrap(message.toByteArray());
                message.reset();
                while (packets.hasRemaining()) {
                    byte[] body = new byte[packets.getInt() - HEAD];
                    packets.getInt();
                    int op = packets.getInt(), seq = packets.getInt(), ack = packets.getInt();
                    packets.get(body);
                    came.add(new Packet(op, seq, ack, body));
                }
            }
            socket.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
            came.add(new Packet(CLOSED, code, 0, new byte[0]));
            return null;
        }
    }

    final String user;
    Line line;
    byte[] ticket = {};
    long session;
    int attempt, sent, received;

    Chat(String user) {
        this.user = user;
    }

    void send(int op, int seq, int ack, byte[] body) {
        ByteBuffer packet = ByteBuffer.allocate(HEAD + body.length);
        packet.putInt(HEAD + body.length).putShort((short) HEAD).putShort((short) 2);
        packet.putInt(op).putInt(seq).putInt(ack).put(body).flip();
        line.socket.sendBinary(packet, true).join();
    }

    Packet receive() throws Exception {
        Packet packet = line.came.poll(30, TimeUnit.SECONDS);
        check(packet != null, "nothing has come");
        return packet;
    }

    /** Authenticates over a new line, with the ticket of the one before if there was one. */
    void open(Line over) throws Exception {
        line = over;
        send(AUTH, ++attempt, 0, auth());
        Packet welcome = receive();
        check(welcome.op == WELCOME && welcome.ack == attempt, "no welcome: " + welcome);
        Map<Integer, Object> fields = fields(welcome.body);
        boolean resumed = fields.containsKey(3);
        // A field that is absent is 0.
        long named = (long) fields.getOrDefault(1, 0L);
        check(!resumed || session == named, "another session");
        session = named;
        ticket = (byte[]) fields.get(4);
        System.out.println(user + " is in, resumed: " + resumed);
    }

    byte[] auth() {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        data(body, 1, "dtalk".getBytes());
        data(body, 2, user.getBytes());
        data(body, 3, "lobby".getBytes());
        number(body, 16, 1);
        if (ticket.length > 0) {
            data(body, 19, ticket);
            number(body, 20, received);
        }
        number(body, 22, sent + 1);
        return body.toByteArray();
    }

    static void data(ByteArrayOutputStream to, int tag, byte[] value) {
        varint(to, tag << 3 | 2);
        varint(to, value.length);
        to.writeBytes(value);
    }

    static void number(ByteArrayOutputStream to, int tag, int value) {
        varint(to, tag << 3);
        varint(to, value);
    }

    static void varint(ByteArrayOutputStream to, int value) {
        for (; value > 127; value >>>= 7) {
            to.write(value & 127 | 128);
        }
        to.write(value);
    }

    static long varint(ByteBuffer from) {
        long value = 0;
        for (int shift = 0; ; shift += 7) {
            byte next = from.get();
            value |= (long) (next & 127) << shift;
            if (next >= 0) {
                return value;
            }
        }
    }

    /** Numbers and bytes by tag. */
    static Map<Integer, Object> fields(byte[] body) {
        Map<Integer, Object> found = new HashMap<>();
        ByteBuffer from = ByteBuffer.wrap(body);
        while (from.hasRemaining()) {
            int key = (int) varint(from);
            long value = varint(from);
            if ((key & 7) == 2) {
                byte[] bytes = new byte[(int) value];
                from.get(bytes);
                found.put(key >>> 3, bytes);
            } else {
                found.put(key >>> 3, value);
            }
        }
        return found;
    }

    /** Sends a message, and waits for its answer and its delivery, in whatever order. */
    void say(String text) throws Exception {
        send(SEND, ++sent, sent - 1, text.getBytes());
        take(true, true);
    }

    /** Waits for the next delivery. */
    void hear() throws Exception {
        take(false, true);
    }

    void take(boolean answer, boolean delivery) throws Exception {
        while (answer || delivery) {
            Packet packet = receive();
            switch (packet.op) {
                case SEND_REPLY -> {
                    check(answer && packet.ack == sent, "an answer: " + packet);
                    answer = false;
                }
                case DELIVER -> {
                    // One that comes again is dropped.
                    if (packet.seq == received + 1) {
                        check(delivery, "a delivery: " + packet);
                        delivery = false;
                        received = packet.seq;
                        String text = new String(packet.body);
                        System.out.println(user + " heard " + packet.seq + " " + text);
                    }
                    send(ACK, 0, received, new byte[0]);
                }
                case PING -> send(PONG, 0, 0, java.util.Arrays.copyOf(packet.body, 8));
                default -> check(false, "unexpected: " + packet);
            }
        }
    }

    void leave() throws Exception {
        send(LEAVE, 0, 0, new byte[0]);
        Packet end = receive();
        check(end.op == CLOSED && end.seq == WebSocket.NORMAL_CLOSURE, "an end: " + end);
    }

    static void check(boolean right, String what) {
        if (!right) {
            throw new AssertionError(what);
        }
    }

    static SSLContext trust(String certificate) throws Exception {
        KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null, null);
        try (FileInputStream file = new FileInputStream(certificate)) {
            CertificateFactory x509 = CertificateFactory.getInstance("X.509");
            trusted.setCertificateEntry("relay", x509.generateCertificate(file));
        }
        String algorithm = TrustManagerFactory.getDefaultAlgorithm();
        TrustManagerFactory managers = TrustManagerFactory.getInstance(algorithm);
        managers.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        return context;
    }

    public static void main(String[] arguments) throws Exception {
        HttpClient client = HttpClient.newBuilder().sslContext(trust(arguments[2])).build();
        String url = arguments[0] + "://" + arguments[1] + "/sub";
        Chat alice = new Chat("alice"), bob = new Chat("bob");
        alice.open(new Line(client, url));
        bob.open(new Line(client, url));
        alice.say("hello");
        bob.hear();
        // No close frame: the connection is gone.
        alice.line.socket.abort();
        System.out.println("alice is cut");
        bob.say("where are you");
        alice.open(new Line(client, url));
        alice.hear();
        alice.say("here again");
        bob.hear();
        alice.leave();
        bob.leave();
        System.exit(0);
    }
}
