// Own messages that are not confirmed: which wait for their turn, and under which number the others
// are on their way.
//
// Pure state. The session repeats what is on its way until there is an answer; the server knows
// repeats by msgId, so that one that goes out again under a new number is harmless too.
//
// Not here: numbers and the window (../session/messages.js), the texts (history.js).

const MAX_REFUSALS = 6;

export class Outbox {
  #waiting = [];
  #underWay = new Map();
  #refusals = new Map();

  /** Puts a message at the end of the queue; one that is here already keeps its place. */
  add(msgId) {
    if (!this.has(msgId)) this.#waiting.push(msgId);
  }

  has(msgId) {
    return this.#waiting.includes(msgId) || [...this.#underWay.values()].includes(msgId);
  }

  /** The message whose turn it is, if any; when the session takes it, report its number. */
  next() {
    return this.#waiting[0];
  }

  sent(msgId, seq) {
    this.#waiting = this.#waiting.filter((other) => other !== msgId);
    this.#underWay.set(seq, msgId);
  }

  /** An answer came: which message it is about, if that is still open. */
  answered(seq) {
    const msgId = this.#underWay.get(seq);
    this.#underWay.delete(seq);
    return msgId;
  }

  /** The server does not take this message now. Returns whether to try it again later. */
  refusedForNow(msgId) {
    const refusals = (this.#refusals.get(msgId) ?? 0) + 1;
    this.#refusals.set(msgId, refusals);
    if (refusals < MAX_REFUSALS) return true;
    this.#refusals.delete(msgId);
    return false;
  }

  /** The server has it, or nobody wants it sent any more. */
  settle(msgId) {
    for (const [seq, other] of this.#underWay) if (other === msgId) this.#underWay.delete(seq);
    this.#waiting = this.#waiting.filter((other) => other !== msgId);
    this.#refusals.delete(msgId);
  }

  /** Another session begins, in which the old numbers mean nothing. */
  restart() {
    this.#waiting = [...this.#underWay.values(), ...this.#waiting];
    this.#underWay.clear();
  }
}
