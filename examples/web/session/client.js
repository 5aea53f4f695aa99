// One session over many connections: when to connect, what to write, when to give up.
//
//   waiting --time--> connecting --connected--> asked --welcome--> open
//      ^                  |                       |                 |
//      +------lost, deadline, error, going away---+-----------------+
//
//   any --leave, refused for good, error for good--> over
//
// Inputs carry the time in milliseconds. After each of them drain `takeBytes`, then `takeEvents`,
// and call `handleTimeout` no later than `timeoutAt` says. A link is the number of a connection, or
// of the attempt at it: what is said about an older one is ignored.
//
// The ticket is kept in memory only. A reloaded page has its messages from the disk but not the
// numbers of this session, so it begins a new one and pulls; to keep both in step on the disk would
// be a second copy of the truth, and to copy the tab would copy the ticket.
//
// Pure. Not here: sockets and timers (../net/carrier.js), what flows over an open connection
// (traffic.js), what bodies mean (../chat/).

import { authFrame, leaveFrame } from '../wire/client_frame.js';
import { Capability } from '../wire/control.js';
import { decodeFrames } from '../wire/frame.js';
import { WireError } from '../wire/protobuf.js';
import { encodeRanges } from '../wire/ranges.js';
import { decodeServerFrame } from '../wire/server_frame.js';
import { Backoff } from './backoff.js';
import { Traffic } from './traffic.js';

/** The longest frame body that this page takes. */
export const MAX_BODY = 1 << 20;

const CLIENT_NAME = 'comet-web';
const CLIENT_VERSION = '2';

// A browser does not say when an attempt to connect takes too long.
const CONNECT_MS = 20_000;

// The server gives up after eight seconds.
const HANDSHAKE_MS = 10_000;

const NO_BYTES = new Uint8Array();

export class ClientSession {
  #state;
  #link = 0;
  #backoff;
  #ticket = NO_BYTES;
  #traffic = new Traffic();
  #auth = null;
  // How the connection ends once everything is written: `{ after }` or `{ closed }`.
  #ending = null;
  #leaves = false;
  #events = [];

  /** Wants its first connection at once; `random` spreads the waits of many pages. */
  constructor(now, random = Math.random) {
    this.#backoff = new Backoff(random);
    this.#connect(now);
  }

  get isOpen() {
    return this.#state.name === 'open';
  }

  /** When `handleTimeout` is due at the latest. */
  get timeoutAt() {
    if (this.#state.name === 'open') return this.#traffic.timeoutAt;
    return this.#state.until ?? Infinity;
  }

  /** The connection that was wanted is there; `who` is `{ appId, token, ext }`. */
  handleConnected(now, link, who) {
    if (link !== this.#link || this.#state.name !== 'connecting') return;
    this.#state = { name: 'asked', until: now + HANDSHAKE_MS };
    this.#auth = who;
  }

  /** The connection is lost, or could not be made. */
  handleDisconnected(now, link) {
    if (link !== this.#link || ['waiting', 'over'].includes(this.#state.name)) return;
    const { closed, after = 0 } = this.#ending ?? {};
    if (closed) this.#end(closed);
    else this.#wait(now, after);
  }

  /** A whole WebSocket message of the connection came, as an ArrayBuffer. */
  handleMessage(now, link, message) {
    if (!this.#isConnected(link)) return;
    this.#traffic.handleHeard(now);
    try {
      for (const frame of decodeFrames(message, MAX_BODY)) {
        this.#handleFrame(now, decodeServerFrame(frame));
        if (!this.#isConnected(link)) return;
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#giveUp(now, 0);
    }
  }

  /** Time has passed. */
  handleTimeout(now) {
    const { name, until } = this.#state;
    if (name === 'open') {
      if (this.#traffic.handleTimeout(now)) this.#giveUp(now, 0);
    } else if (until <= now) {
      if (name === 'waiting') this.#connect(now);
      else this.#giveUp(now, 0);
    }
  }

  /** Ends the wait: a person is impatient, or the network is back. What the server asked stands. */
  hurry(now) {
    if (this.#state.name === 'waiting' && this.#state.notBefore <= now) this.#connect(now);
  }

  /** Takes a message, now or for when there is a connection; its number, or null if too many. */
  send(body) {
    if (this.#leaves || this.#state.name === 'over') return null;
    return this.#traffic.push(body);
  }

  /** What came with this arrival cannot get lost here any more: it may be acknowledged. */
  settle(arrival) {
    if (arrival) this.#traffic.settle(arrival);
  }

  /** Ends the session for good. */
  leave() {
    this.#leaves = true;
    if (this.isOpen) this.#ending = { closed: { reason: 'left' } };
    else if (this.#state.name !== 'over') this.#end({ reason: 'left' });
  }

  /** Whole frames to be written to the connection in one message, or null. */
  takeBytes(now) {
    const frames = this.#traffic.takePong();
    if (this.#auth) frames.unshift(this.#authFrame());
    if (this.isOpen) {
      const withMessages = !this.#leaves && !this.#ending;
      frames.push(...this.#traffic.takeFrames(now, { withMessages }));
      if (this.#leaves) frames.push(leaveFrame());
    }
    this.#finishEnding(now);
    if (frames.length === 0) return null;
    this.#traffic.handleSaid(now);
    return joined(frames);
  }

  /** What happened, as `[{ kind, ... }]`. */
  takeEvents() {
    return this.#events.splice(0);
  }

  #isConnected(link) {
    return link === this.#link && (this.#state.name === 'asked' || this.isOpen);
  }

  #handleFrame(now, frame) {
    switch (frame.kind) {
      case 'unknown':
        return;
      case 'ping':
        return this.#traffic.handlePing(frame.stamp);
      case 'goingAway':
        return this.#goAway(frame.away);
      case 'error':
        return this.#fail(now, frame.error, 'failed');
      default:
    }
    if (this.isOpen) this.#events.push(...this.#traffic.handleFrame(now, frame));
    else if (frame.kind === 'welcome') this.#open(now, frame.welcome);
    else if (frame.kind === 'refused') this.#fail(now, frame.refused, 'refused');
    else throw new WireError(`${frame.kind} before the welcome`);
  }

  #open(now, welcome) {
    this.#state = { name: 'open' };
    this.#backoff.reset();
    this.#ticket = welcome.ticket;
    this.#traffic.handleOpen(now, welcome);
    this.#events.push({ kind: 'opened', resumed: welcome.resumed });
  }

  #fail(now, failure, reason) {
    if (failure.retryable) this.#giveUp(now, failure.returnAfterMs);
    else this.#end({ reason, ...failure });
  }

  // Says what has arrived, then closes and comes back.
  #goAway({ mayResume, returnAfterMs, ticket }) {
    if (ticket.length > 0) this.#ticket = ticket;
    else if (!mayResume) this.#ticket = NO_BYTES;
    this.#traffic.hurryAck();
    this.#backoff.reset();
    this.#ending ??= { after: returnAfterMs };
  }

  #connect(now) {
    this.#link += 1;
    this.#state = { name: 'connecting', until: now + CONNECT_MS };
    this.#events.push({ kind: 'connect', link: this.#link });
  }

  // Closes the connection from this side, and comes back.
  #giveUp(now, after) {
    this.#events.push({ kind: 'disconnect', link: this.#link });
    this.#wait(now, after);
  }

  #end(closed) {
    this.#events.push({ kind: 'disconnect', link: this.#link });
    this.#forgetConnection();
    this.#state = { name: 'over' };
    this.#events.push({ kind: 'closed', closed });
  }

  #wait(now, after) {
    this.#forgetConnection();
    const notBefore = now + after;
    const until = notBefore + this.#backoff.nextMs();
    this.#state = { name: 'waiting', until, notBefore };
    this.#events.push({ kind: 'waiting', until });
  }

  #forgetConnection() {
    this.#auth = null;
    this.#ending = null;
    this.#traffic.handleLost();
  }

  #authFrame() {
    const { received, firstSend } = this.#traffic.position;
    const resumes = this.#ticket.length > 0;
    const auth = {
      ...this.#auth,
      capabilities: Capability.RESUME + Capability.LATEST,
      clientName: CLIENT_NAME,
      clientVersion: CLIENT_VERSION,
      ticket: this.#ticket,
      lastSeq: resumes ? received.upTo : 0,
      ranges: resumes ? encodeRanges(received.upTo, received.ranges) : NO_BYTES,
      firstSend,
      maxBody: MAX_BODY,
    };
    this.#auth = null;
    return authFrame(this.#link, auth);
  }

  // Ends the connection once its last words are taken.
  #finishEnding(now) {
    const ending = this.#ending;
    this.#ending = null;
    if (ending?.closed) this.#end(ending.closed);
    else if (ending) this.#giveUp(now, ending.after);
  }
}

function joined(frames) {
  const bytes = new Uint8Array(frames.reduce((sum, frame) => sum + frame.length, 0));
  let at = 0;
  for (const frame of frames) {
    bytes.set(frame, at);
    at += frame.length;
  }
  return bytes;
}
