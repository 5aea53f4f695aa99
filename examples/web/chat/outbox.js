// Own messages on their way: which to send now, which to send again, when to give up.
//
// Pure state; the time comes in. The server knows repeats by msgId, so sending again is harmless.
// It answers nothing to a message that it refuses, so silence on a live link is the only sign.
//
// Not here: the bytes and the socket (chat.js), the texts (history.js).

const RESEND_MS = 5000;
const MAX_SENDS = 6;

// A server may stop reading a link that pipelines too much; the rest waits here for its turn.
const WINDOW = 16;

export class Outbox {
  #waiting = [];
  #inFlight = new Map();

  /** Puts a message at the end of the queue; one that is here already keeps its place. */
  add(msgId) {
    if (!this.has(msgId)) this.#waiting.push(msgId);
  }

  has(msgId) {
    return this.#waiting.includes(msgId) || this.#inFlight.has(msgId);
  }

  /** The next message for which there is room on the link, if any; report its seq by `sent`. */
  next() {
    return this.#inFlight.size < WINDOW ? this.#waiting[0] : undefined;
  }

  sent(msgId, seq, now) {
    this.#waiting = this.#waiting.filter((other) => other !== msgId);
    this.#inFlight.set(msgId, { seq, sends: 1, at: now });
  }

  /** Unanswered for too long: `repeat` these frames, and tell that the others have `failed`. */
  overdue(now) {
    const repeat = [];
    const failed = [];
    for (const [msgId, entry] of this.#inFlight) {
      if (now - entry.at < RESEND_MS) continue;
      if (entry.sends === MAX_SENDS) {
        this.#inFlight.delete(msgId);
        failed.push(msgId);
      } else {
        Object.assign(entry, { sends: entry.sends + 1, at: now });
        repeat.push({ msgId, seq: entry.seq });
      }
    }
    return { repeat, failed };
  }

  /** Which message the reply to `seq` is about. */
  bySeq(seq) {
    for (const [msgId, entry] of this.#inFlight) if (entry.seq === seq) return msgId;
    return undefined;
  }

  /** The server has it, or nobody wants it sent any more. */
  settle(msgId) {
    this.#inFlight.delete(msgId);
    this.#waiting = this.#waiting.filter((other) => other !== msgId);
  }

  /** The link is gone, its seqs with it: everything unanswered is sent again, in the old order. */
  linkLost() {
    this.#waiting = [...this.#inFlight.keys(), ...this.#waiting];
    this.#inFlight.clear();
  }
}
