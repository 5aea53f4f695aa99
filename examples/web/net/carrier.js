// Carries a session over lines, WebTransport, WebSockets, or events where the network lets nothing
// else through: makes those it wants, and keeps its time.
//
// Not here: the session's rules (../session/), tokens (session.js), what bodies mean (../chat/).

import { ClientSession } from '../session/client.js';

const now = () => performance.now();

/**
 * `lines` make a line each, the preferred kind first, in the shape of a WebSocket. A line over which
 * nothing came is followed by one of the next kind: the server was just reached to authenticate.
 * `authenticate()` resolves to who asks, `{ appId, token, ext }`, or rejects if that cannot be
 * found out now. `on(event)` gets every event of the session; the time of `waiting` is `Date`'s.
 */
export class Carrier {
  #lines;
  #authenticate;
  #on;
  #session = new ClientSession(now());
  #link = null;
  #socket = null;
  // The kind of line in use, and whether anything came over the present one.
  #kind = 0;
  #isHeard = false;
  #timer;
  #turnQueued = false;

  constructor(lines, authenticate, on) {
    this.#lines = lines;
    this.#authenticate = authenticate;
    this.#on = on;
    this.#turnSoon();
  }

  /** Takes a message; returns its number, or null if too many are on their way. */
  send(body) {
    this.#turnSoon();
    return this.#session.send(body);
  }

  /** This delivery or gap cannot get lost here any more. */
  settle(arrival) {
    this.#turnSoon();
    this.#session.settle(arrival);
  }

  /** Ends a wait early, if there is one and the server allows. */
  hurry() {
    this.#turnSoon();
    this.#session.hurry(now());
  }

  /** Ends the session for good. */
  leave() {
    this.#turnSoon();
    this.#session.leave();
  }

  // Not at once: a handler of one event must not see the next in the middle of its work, and what
  // is settled together is acknowledged together.
  #turnSoon() {
    if (this.#turnQueued) return;
    this.#turnQueued = true;
    queueMicrotask(() => this.#turn());
  }

  #turn() {
    this.#turnQueued = false;
    let bytes;
    while ((bytes = this.#session.takeBytes(now()))) this.#socket?.send(bytes);
    for (const event of this.#session.takeEvents()) this.#handle(event);
    this.#setTimer();
  }

  #setTimer() {
    clearTimeout(this.#timer);
    const wait = this.#session.timeoutAt - now();
    if (wait === Infinity) return;
    this.#timer = setTimeout(() => {
      this.#turnSoon();
      this.#session.handleTimeout(now());
    }, Math.max(0, wait));
  }

  #handle(event) {
    if (event.kind === 'connect') this.#connect(event.link);
    if (event.kind === 'disconnect') this.#drop();
    if (event.kind === 'waiting') this.#on({ ...event, until: Date.now() + event.until - now() });
    else this.#on(event);
  }

  async #connect(link) {
    this.#link = link;
    try {
      const who = await this.#authenticate();
      if (link === this.#link) this.#open(link, who);
    } catch (error) {
      console.warn('no connection yet', error);
      this.#lost(link);
    }
  }

  #open(link, who) {
    const socket = this.#lines[this.#kind]();
    this.#isHeard = false;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      this.#turnSoon();
      this.#session.handleConnected(now(), link, who);
    };
    socket.onmessage = ({ data }) => {
      this.#isHeard = true;
      this.#turnSoon();
      this.#session.handleMessage(now(), link, data);
    };
    socket.onclose = () => this.#lost(link);
    this.#socket = socket;
  }

  #lost(link) {
    if (link !== this.#link) return;
    this.#drop();
    this.#turnSoon();
    this.#session.handleDisconnected(now(), link);
  }

  // At once, although the socket may take long to close on a dead network.
  #drop() {
    const socket = this.#socket;
    this.#link = this.#socket = null;
    if (!socket) return;
    if (!this.#isHeard) this.#kind = (this.#kind + 1) % this.#lines.length;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}
