// One signed-in name: joins the session, the local store and the pure state, and tells the page.
//
// The order that matters is here: a message is acknowledged only after it is on the local disk,
// and sent only after it is there too.
//
// Not here: how anything looks (../ui/), the rules of each part (the other files of this folder).

import {
  SignalType,
  decodeDelivery,
  decodeSendReply,
  encodeTextMessage,
  isPhone,
} from '../wire/bodies.js';
import { WireError } from '../wire/protobuf.js';
import { NONE } from '../wire/seq.js';
import { syncRecords } from '../net/api.js';
import { Session } from '../net/session.js';
import { Directory } from './directory.js';
import { History, addressing } from './history.js';
import { Outbox } from './outbox.js';
import { Pull } from './pull.js';
import { Reading } from './reading.js';
import { Store } from './store.js';

const SEND_AGAIN_MS = 5000;
const PRESENCE_MS = 4000;
const PULL_OVERLAP = 50;

/** Events: `change` (anything to show), `state` (the session's), `moved` (another address). */
export class Chat extends EventTarget {
  #store;
  #session;
  #outbox = new Outbox();
  #pull = new Pull(() => this.#fetch());
  #cursor;
  #presence;
  #closed = false;
  storageFailed = false;

  static async open(profile) {
    const store = await Store.open(profile.address);
    return new Chat(profile, store, await store.load());
  }

  constructor(profile, store, kept) {
    super();
    this.profile = profile;
    this.#store = store;
    this.history = new History(profile.address, kept.messages, kept.earlyMarks.map((m) => m.logId));
    this.reading = new Reading(profile.address, kept.readTo);
    this.directory = new Directory(kept.people);
    this.room = kept.facts.find(({ key }) => key === 'room')?.value ?? null;
    this.#cursor = kept.facts.find(({ key }) => key === 'cursor')?.value ?? 0;
    for (const { msgId, failed } of this.history.unconfirmed()) {
      if (!failed) this.#outbox.add(msgId);
    }
    this.#session = new Session(profile, {
      state: (state) => this.#stateChanged(state),
      login: (login) => this.#loggedIn(login),
      opened: (resumed) => this.#opened(resumed),
      delivered: (body, arrival) => this.#delivered(body, arrival),
      gap: (gap, arrival) => this.#missed(gap, arrival),
      replied: (seq, body) => this.#replied(seq, body),
      notTaken: (seq, refusal) => this.#notTaken(seq, refusal),
    });
  }

  get state() {
    return this.#session.state;
  }

  get me() {
    return this.profile.address;
  }

  start({ byPerson }) {
    clearInterval(this.#presence);
    this.#presence = setInterval(() => this.#refreshPeople(), PRESENCE_MS);
    this.#session.start({ byPerson });
    this.#outbox.restart();
    this.#flushOutbox();
  }

  retryNow() {
    this.#session.retryNow();
  }

  /** Ends everything this object does; the page makes another one to go on. */
  close() {
    this.#closed = true;
    this.#session.stop();
    this.#pull.stop();
    clearInterval(this.#presence);
    this.#store.write([]).finally(() => this.#store.close());
  }

  /** Takes a text for a conversation; it goes out now, or as soon as there is a connection. */
  async send(conversation, text) {
    const msgId = crypto.randomUUID();
    const { writes } = this.history.compose({ conversation, msgId, text, at: Date.now() });
    if (!(await this.#persist(writes))) return;
    this.#outbox.add(msgId);
    this.#flushOutbox();
  }

  /** A person wants a message tried again that got no answer. */
  async retry(msgId) {
    if (!(await this.#persist(this.history.markFailed(msgId, false)))) return;
    this.#outbox.add(msgId);
    this.#flushOutbox();
  }

  readAll(conversation) {
    const writes = this.reading.readAll(conversation, this.history.messages(conversation));
    if (writes.length > 0) this.#persist(writes);
  }

  unread(conversation) {
    return this.reading.unread(conversation, this.history.messages(conversation));
  }

  #stateChanged(state) {
    if (state.name !== 'online') this.directory.forgetPresence();
    this.dispatchEvent(new CustomEvent('state', { detail: state }));
  }

  #loggedIn({ address, room }) {
    if (address !== this.profile.address) {
      this.#session.stop();
      this.dispatchEvent(new CustomEvent('moved', { detail: address }));
      return false;
    }
    if (room !== this.room) {
      this.room = room;
      this.#persist([{ store: 'facts', put: { key: 'room', value: room } }]);
    }
    return true;
  }

  // A session that goes on has lost nothing. Of a new one, what is stored between a pull and the
  // login would reach this page neither way, so the pull comes after it; overlap costs nothing.
  #opened(resumed) {
    if (resumed) this.#pull.hurry();
    else this.#pull.need();
    this.#flushOutbox();
    this.#refreshPeople();
  }

  // Messages have numbers or a room; what has neither was a notice, and no record has it.
  //
  // The numbers of the gap may be acknowledged before the pull: until that is done the cursor does
  // not move, so that a page that dies meanwhile fetches the same when it comes back.
  async #missed(gap, arrival) {
    console.info('deliveries are missing', gap);
    if (gap.to === NONE && gap.room === '') return;
    this.#pull.need();
    if (await this.#persist([])) this.#session.settle(arrival);
  }

  async #fetch() {
    const { token } = await this.#session.login.fresh();
    const messages = await syncRecords(token, this.history.pullStart(this.#cursor, PULL_OVERLAP));
    const writes = messages.flatMap((message) => this.history.deliver(message));
    const newest = Math.max(0, ...messages.map(({ logId }) => logId));
    await this.#persist([...writes, ...this.#advance(newest)]);
    for (const { msgId, from } of messages) if (from === this.me) this.#outbox.settle(msgId);
  }

  // The cursor says that everything up to it was fetched, so pushes move it only after a pull.
  #advance(logId) {
    if (logId <= this.#cursor) return [];
    this.#cursor = logId;
    return [{ store: 'facts', put: { key: 'cursor', value: logId } }];
  }

  async #delivered(body, arrival) {
    let delivery;
    try {
      delivery = decodeDelivery(body);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      // Without an acknowledgement the server would send the same bytes again and again.
      console.warn('dropped a delivery that cannot be read', error);
    }
    const { message, signal } = delivery ?? {};
    let writes = [];
    if (message) writes = this.#takeMessage(message);
    else if (signal) writes = this.#takeSignal(signal);
    if (!(await this.#persist(writes))) return;
    this.#session.settle(arrival);
    if (signal?.type === SignalType.ENDPOINT_LOGIN) this.#otherLogin(signal.login);
  }

  #takeMessage(message) {
    const writes = this.history.deliver(message);
    if (message.from === this.me) {
      this.#outbox.settle(message.msgId);
      this.#flushOutbox();
    } else if (!this.directory.knows(message.from)) {
      this.#refreshPeople();
    }
    return this.#pull.complete ? [...writes, ...this.#advance(message.logId)] : writes;
  }

  #takeSignal(signal) {
    if (signal.type === SignalType.RECEIVED) return this.history.markReceived(signal.logIds);
    if (signal.type === SignalType.REVOKE) return this.history.revoke(signal.logId);
    return [];
  }

  #otherLogin({ uuid, device, deviceName }) {
    const mine = uuid === this.profile.uuid;
    if (!mine && isPhone(device) && isPhone(this.profile.device)) this.#session.yieldTo(deviceName);
  }

  #replied(seq, body) {
    const msgId = this.#outbox.answered(seq);
    if (msgId === undefined) return;
    this.#outbox.settle(msgId);
    this.#flushOutbox();
    try {
      const { logId, datetime } = decodeSendReply(body);
      this.#persist(this.history.confirm(msgId, logId, datetime));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      console.warn('a message is confirmed when it comes back: its answer cannot be read', error);
    }
  }

  #notTaken(seq, { code, text, retryable }) {
    const msgId = this.#outbox.answered(seq);
    if (msgId === undefined) return;
    console.warn('a message was refused', code, text);
    if (retryable && this.#outbox.refusedForNow(msgId)) {
      setTimeout(() => this.#sendAgain(msgId), SEND_AGAIN_MS);
    } else {
      this.#outbox.settle(msgId);
      this.#persist(this.history.markFailed(msgId, true));
    }
    this.#flushOutbox();
  }

  // It may have come back as a delivery meanwhile.
  #sendAgain(msgId) {
    if (this.#closed || this.history.find(this.me, msgId).logId !== 0) return;
    this.#outbox.add(msgId);
    this.#flushOutbox();
  }

  #flushOutbox() {
    for (let msgId = this.#outbox.next(); msgId; msgId = this.#outbox.next()) {
      const seq = this.#session.send(this.#encode(msgId));
      if (seq === null) return;
      this.#outbox.sent(msgId, seq);
    }
  }

  #encode(msgId) {
    const { conversation, text } = this.history.find(this.me, msgId);
    return encodeTextMessage({ ...addressing(conversation), msgId, from: this.me, text });
  }

  async #refreshPeople() {
    if (!this.#session.isOnline) return;
    try {
      await this.#persist(await this.directory.refresh());
    } catch (error) {
      // The next round asks again; the connection's own state tells of a server that is gone.
      console.warn('presence could not be fetched', error);
    }
  }

  // Shows the change at once and resolves when it is durable. A disk that takes no more ends the
  // session: to acknowledge or to send what may be forgotten would be a lie.
  async #persist(writes) {
    if (this.#closed) return false;
    this.dispatchEvent(new Event('change'));
    try {
      await this.#store.write(writes);
      return true;
    } catch (error) {
      console.error('the browser could not keep the history', error);
      this.storageFailed = true;
      this.#session.stop();
      return false;
    }
  }
}
