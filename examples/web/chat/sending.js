// Own messages on their way: to the disk first, then out, until the server has each or refuses it.
//
// Not here: which wait and which are under way (outbox.js), the session (../net/session.js).

import { decodeSendReply, encodeTextMessage } from '../wire/bodies.js';
import { WireError } from '../wire/protobuf.js';
import { addressing } from './history.js';
import { Outbox } from './outbox.js';

const SEND_AGAIN_MS = 5000;

export class Sending {
  #me;
  #history;
  #send;
  #persist;
  #outbox = new Outbox();
  #stopped = false;

  /** `send(body)` gives the number, or null; `persist(writes)` resolves to whether it is kept. */
  constructor(me, history, { send, persist }) {
    this.#me = me;
    this.#history = history;
    this.#send = send;
    this.#persist = persist;
    for (const { msgId, failed } of history.unconfirmed()) if (!failed) this.#outbox.add(msgId);
  }

  /** Takes a text for a conversation; it goes out now, or as soon as there is a connection. */
  async compose(conversation, text) {
    const msgId = crypto.randomUUID();
    const { writes } = this.#history.compose({ conversation, msgId, text, at: Date.now() });
    if (await this.#persist(writes)) this.#add(msgId);
  }

  /** A person wants a message tried again that got no answer. */
  async retry(msgId) {
    if (await this.#persist(this.#history.markFailed(msgId, false))) this.#add(msgId);
  }

  /** Another session begins, in which the old numbers mean nothing. */
  restart() {
    this.#outbox.restart();
    this.flush();
  }

  stop() {
    this.#stopped = true;
  }

  /** Sends what may be sent. */
  flush() {
    for (let msgId = this.#outbox.next(); msgId; msgId = this.#outbox.next()) {
      const seq = this.#send(this.#encode(msgId));
      if (seq === null) return;
      this.#outbox.sent(msgId, seq);
    }
  }

  /** The server has this message: it comes back, or was pulled. */
  settle(msgId) {
    this.#outbox.settle(msgId);
    this.flush();
  }

  /** An answer to a number, which need not be that of a message. */
  replied(seq, body) {
    const msgId = this.#outbox.answered(seq);
    if (msgId === undefined) return;
    this.settle(msgId);
    try {
      const { logId, datetime } = decodeSendReply(body);
      this.#persist(this.#history.confirm(msgId, logId, datetime));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      console.warn('a message is confirmed when it comes back: its answer cannot be read', error);
    }
  }

  notTaken(seq, { code, text, retryable }) {
    const msgId = this.#outbox.answered(seq);
    if (msgId === undefined) return;
    console.warn('a message was refused', code, text);
    if (retryable && this.#outbox.refusedForNow(msgId)) {
      setTimeout(() => this.#sendAgain(msgId), SEND_AGAIN_MS);
    } else {
      this.#outbox.settle(msgId);
      this.#persist(this.#history.markFailed(msgId, true, code));
    }
    this.flush();
  }

  // It may have come back as a delivery meanwhile.
  #sendAgain(msgId) {
    if (!this.#stopped && this.#history.find(this.#me, msgId).logId === 0) this.#add(msgId);
  }

  #add(msgId) {
    this.#outbox.add(msgId);
    this.flush();
  }

  #encode(msgId) {
    const { conversation, text } = this.#history.find(this.#me, msgId);
    return encodeTextMessage({ ...addressing(conversation), msgId, from: this.#me, text });
  }
}
