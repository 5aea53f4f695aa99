// What flows over an open connection: deliveries, messages, signs of life.
//
// Pure; the time comes in. Not here: which connection it is, and when it begins and ends
// (client.js).

import { ackFrame, pingFrame, pongFrame, sendFrame } from '../wire/client_frame.js';
import { WireError } from '../wire/protobuf.js';
import { NONE } from '../wire/seq.js';
import { Deliveries } from './deliveries.js';
import { Heartbeat } from './heartbeat.js';
import { Messages } from './messages.js';

// As often at least, whatever the server asks for: a person should see soon that it is gone.
const HEARTBEAT_MS = 15_000;

// A transmit ends when it is this long, so that acks and pongs come between.
const TRANSMIT_BYTES = 16_384;

export class Traffic {
  #deliveries = new Deliveries();
  #messages = new Messages();
  #heartbeat = null;
  #pong = null;
  #pingDue = false;

  /** A connection is open on which the server said `welcome`. */
  handleOpen(now, { resumed, accepted, sendWindow, heartbeatMs }) {
    if (!resumed) this.#deliveries = new Deliveries();
    this.#messages.handleOpen(now, accepted, sendWindow);
    const everyMs = Math.min(heartbeatMs || HEARTBEAT_MS, HEARTBEAT_MS);
    this.#heartbeat = new Heartbeat(everyMs, now, this.#heartbeat?.roundTripMs);
    this.#pingDue = false;
  }

  /** Returns the events of a frame. */
  handleFrame(now, frame) {
    switch (frame.kind) {
      case 'deliver':
        return this.#arrived({ first: frame.seq, last: frame.seq, body: frame.body });
      case 'gap':
        return this.#gap(frame.gap);
      case 'bestEffort':
      case 'latest':
        return [{ kind: 'delivery', body: frame.body, arrival: null }];
      case 'sendReply':
        return this.#answered(now, { kind: 'replied', seq: frame.ack, body: frame.body });
      case 'refusal':
        return this.#answered(now, { kind: 'notTaken', seq: frame.ack, refusal: frame.refusal });
      case 'pong':
        this.#heartbeat.handlePong(now, frame.stamp);
        return [];
      default:
        throw new WireError(`${frame.kind} on an open connection`);
    }
  }

  handlePing(stamp) {
    this.#pong = stamp;
  }

  handleHeard(now) {
    this.#heartbeat?.handleHeard(now);
  }

  /** Returns whether the connection is lost. */
  handleTimeout(now) {
    const silence = this.#heartbeat.silence(now);
    if (silence === 'ask') this.#pingDue = true;
    return silence === 'lost';
  }

  /** See `Messages`. */
  push(body) {
    return this.#messages.push(body);
  }

  /** See `Deliveries`. */
  settle(arrival) {
    this.#deliveries.settle(arrival);
  }

  /** The last acknowledgement of a connection must not wait. */
  hurryAck() {
    this.#deliveries.hurry();
  }

  /** What an auth says about this: what has arrived, and the first message without an answer. */
  get position() {
    return { received: this.#deliveries.received(), firstSend: this.#messages.first };
  }

  get timeoutAt() {
    return Math.min(this.#heartbeat.due, this.#messages.retryAt ?? Infinity);
  }

  /** The answer to a ping, ahead of everything else. */
  takePong() {
    const frames = this.#pong ? [pongFrame(this.#pong)] : [];
    this.#pong = null;
    return frames;
  }

  /** Frames to be written now; with `withMessages` false no new messages. */
  takeFrames(now, { withMessages }) {
    const frames = [];
    const ack = this.#deliveries.takeAck();
    if (ack) frames.push(ackFrame(ack));
    if (this.#pingDue) frames.push(this.#ping(now));
    let bytes = 0;
    while (withMessages && bytes < TRANSMIT_BYTES) {
      const message = this.#messages.takeMessage(now);
      if (!message) break;
      bytes += message.body.length;
      frames.push(sendFrame(message));
    }
    return frames;
  }

  handleSaid(now) {
    this.#heartbeat?.handleSaid(now);
  }

  /** What belonged to the connection alone. */
  handleLost() {
    this.#pong = null;
    this.#pingDue = false;
  }

  #arrived(arrival) {
    return this.#deliveries.handle(arrival).map((turn) => {
      return turn.gap
        ? { kind: 'gap', gap: turn.gap, arrival: turn }
        : { kind: 'delivery', body: turn.body, arrival: turn };
    });
  }

  // What had no numbers has no turn either.
  #gap(gap) {
    if (gap.to === NONE) return [{ kind: 'gap', gap, arrival: null }];
    return this.#arrived({ first: gap.from, last: gap.to, gap });
  }

  // Repeated answers are dropped.
  #answered(now, event) {
    return this.#messages.handleAnswer(now, event.seq) ? [event] : [];
  }

  #ping(now) {
    this.#pingDue = false;
    const roundTripUs = Math.round(this.#heartbeat.roundTripMs * 1000);
    return pingFrame(this.#heartbeat.handleAsked(now), roundTripUs);
  }
}
