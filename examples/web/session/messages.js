// The messages of a session: numbered, within the server's window, repeated until answered.
//
// Their numbers outlive connections and sessions; a message is answered once, whatever is repeated.
//
// Pure; the time comes in. Not here: frames (../wire/), which texts wait for their turn
// (../chat/outbox.js).

import { isAfter, next, prev } from '../wire/seq.js';

const MAX_MESSAGES = 64;

// On a connection that lives only a lost answer takes so long.
const RETRY_MS = 15_000;

export class Messages {
  // Oldest first and without holes, beginning with the number `#first`.
  #kept = [];
  #first = 1;
  #next = 1;
  // How many of them this connection need not be given: it was, or the server has them.
  #given = 0;
  #window = 0;
  #waitMs = RETRY_MS;
  #retryAt = null;

  /** Takes a message; returns its number, or null while too many have no answer. */
  push(body) {
    if (this.#kept.length >= MAX_MESSAGES) return null;
    const seq = this.#next;
    this.#next = next(seq);
    this.#kept.push({ seq, body, answered: false });
    return seq;
  }

  /** The first number without an answer. */
  get first() {
    return this.#first;
  }

  /** When the oldest message is to be sent again, or null. */
  get retryAt() {
    return this.#retryAt;
  }

  /** A connection is open; the server has every message up to `accepted`. */
  handleOpen(now, accepted, window) {
    this.#window = Math.max(1, window);
    const missing = this.#kept.findIndex(({ seq }) => isAfter(seq, accepted));
    this.#given = missing < 0 ? this.#kept.length : missing;
    this.#restart(now);
  }

  /** An answer came. Returns whether the message waited for it. */
  handleAnswer(now, seq) {
    const message = this.#kept.find((kept) => kept.seq === seq);
    if (!message || message.answered) return false;
    message.answered = true;
    let done = 0;
    while (this.#kept[done]?.answered) done += 1;
    this.#kept.splice(0, done);
    this.#first = this.#kept[0]?.seq ?? this.#next;
    this.#given = Math.max(0, this.#given - done);
    if (done > 0) this.#restart(now);
    return true;
  }

  /** The next message that may go, as `{ seq, answered, body }`, or null. */
  takeMessage(now) {
    if (this.#retryAt !== null && this.#retryAt <= now) {
      this.#waitMs *= 2;
      this.#retryAt = now + this.#waitMs;
      return this.#message(0);
    }
    if (this.#given >= Math.min(this.#kept.length, this.#window)) return null;
    const message = this.#message(this.#given);
    this.#given += 1;
    this.#retryAt ??= now + this.#waitMs;
    return message;
  }

  #message(at) {
    const { seq, body } = this.#kept[at];
    return { seq, answered: prev(this.#first), body };
  }

  #restart(now) {
    this.#waitMs = RETRY_MS;
    this.#retryAt = this.#given > 0 ? now + this.#waitMs : null;
  }
}
