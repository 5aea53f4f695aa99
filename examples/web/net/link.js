// One connection's life: open, authenticate, beat, carry messages, close.
//
// A link is never reused. Its counters start at 1, as both ends count per connection.
//
// Not here: tokens, reconnecting and who may be connected (session.js); what is sent (../chat/).

import { decodeEndpointLogin } from '../wire/bodies.js';
import { FrameError, Op, decodeFrames, encodeFrame } from '../wire/frame.js';
import { WireError } from '../wire/protobuf.js';

const HANDSHAKE_MS = 8000;
const HEARTBEAT_MS = 15_000;

/**
 * `on` has: `ready()`, `refused(endpointLogin)`, `delivered(body, acknowledge)`,
 * `replied(seq, body)` and, exactly once and last, `closed()`.
 */
export class Link {
  #socket;
  #on;
  #seq = 0;
  #phase = 'opening';
  #handshake;
  #heartbeat;
  #unansweredBeat = null;

  constructor(url, authBody, on) {
    this.#on = on;
    this.#socket = new WebSocket(url);
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.onopen = () => this.#write({ op: Op.AUTH, body: authBody });
    this.#socket.onmessage = ({ data }) => this.#read(data);
    this.#socket.onclose = () => this.#ended();
    this.#handshake = setTimeout(() => this.close(), HANDSHAKE_MS);
  }

  get ready() {
    return this.#phase === 'ready';
  }

  /** Sends a message and returns the seq that the reply will acknowledge. */
  send(body) {
    return this.#write({ op: Op.SEND, body });
  }

  /** Sends the same frame again; the seq was given by `send` of this link. */
  resend(seq, body) {
    this.#socket.send(encodeFrame({ op: Op.SEND, seq, body }));
  }

  /** Says good-bye, and reports `closed` at once: a dead network may delay the socket's event. */
  close() {
    if (this.#phase === 'closed') return;
    const open = this.#socket.readyState === WebSocket.OPEN;
    if (this.ready && open) this.#write({ op: Op.DISCONNECT });
    this.#socket.close();
    this.#ended();
  }

  #write({ op, ack, body }) {
    this.#seq += 1;
    this.#socket.send(encodeFrame({ op, seq: this.#seq, ack, body }));
    return this.#seq;
  }

  #read(data) {
    try {
      for (const frame of decodeFrames(data)) {
        if (this.#phase === 'closed') return;
        this.#handleFrame(frame);
      }
    } catch (error) {
      if (!(error instanceof FrameError || error instanceof WireError)) throw error;
      console.warn('closing a connection that broke the protocol', error);
      this.close();
    }
  }

  #handleFrame({ op, seq, ack, body }) {
    if (op === Op.AUTH_REPLY && this.#phase === 'opening') this.#authenticated(body);
    else if (!this.ready) return;
    else if (op === Op.HEARTBEAT_REPLY && seq === this.#unansweredBeat) this.#unansweredBeat = null;
    else if (op === Op.SEND_REPLY) this.#on.replied(ack, body);
    else if (op === Op.DELIVER) this.#on.delivered(body, () => this.#acknowledge(seq));
  }

  #authenticated(body) {
    clearTimeout(this.#handshake);
    if (body.length > 0) {
      this.#on.refused(decodeEndpointLogin(body));
      this.close();
      return;
    }
    this.#phase = 'ready';
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
    this.#on.ready();
  }

  // A seq belongs to this connection: after its end there is nobody to tell.
  #acknowledge(seq) {
    if (this.ready) this.#write({ op: Op.DELIVER_ACK, ack: seq });
  }

  #beat() {
    if (this.#unansweredBeat === null) this.#unansweredBeat = this.#write({ op: Op.HEARTBEAT });
    else this.close();
  }

  #ended() {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    clearTimeout(this.#handshake);
    clearInterval(this.#heartbeat);
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#on.closed();
  }
}
