// Whether the server is there, and how far away.
//
// Pure; the time comes in, in milliseconds. Not here: frames (../wire/), clocks and timers.

const LEAST_PATIENCE_MS = 5000;
const STAMP_LEN = 8;

export class Heartbeat {
  #everyMs;
  #said;
  #heard;
  #asked = null;
  #stamp = null;
  roundTripMs;

  constructor(everyMs, now, roundTripMs = 0) {
    this.#everyMs = everyMs;
    this.#said = this.#heard = now;
    this.roundTripMs = roundTripMs;
  }

  handleSaid(now) {
    this.#said = now;
  }

  handleHeard(now) {
    this.#heard = now;
    this.#asked = null;
  }

  /** A ping goes out; returns its stamp, which means something here only. */
  handleAsked(now) {
    this.#asked = this.#stamp = now;
    const stamp = new Uint8Array(STAMP_LEN);
    new DataView(stamp.buffer).setFloat64(0, now);
    return stamp;
  }

  /** Smoothed as in RFC 6298; only the pong of the last ping measures. */
  handlePong(now, stamp) {
    const sent = new DataView(stamp.buffer, stamp.byteOffset, STAMP_LEN).getFloat64(0);
    if (sent !== this.#stamp) return;
    this.#stamp = null;
    const sample = Math.max(0.001, now - sent);
    this.roundTripMs = ((this.roundTripMs || sample) * 7 + sample) / 8;
  }

  /** `fine`, or what the silence asks for: `ask` or `lost`. */
  silence(now) {
    if (now < this.due) return 'fine';
    return this.#asked === null ? 'ask' : 'lost';
  }

  /** When silence asks for something. */
  get due() {
    if (this.#asked !== null) return this.#asked + Math.max(this.#everyMs / 2, LEAST_PATIENCE_MS);
    return Math.min(this.#said, this.#heard) + this.#everyMs;
  }
}
