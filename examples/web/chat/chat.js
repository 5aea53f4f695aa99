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
import { syncRecords } from '../net/api.js';
import { Backoff } from '../net/backoff.js';
import { Session } from '../net/session.js';
import { Directory } from './directory.js';
import { History, addressing } from './history.js';
import { Outbox } from './outbox.js';
import { Reading } from './reading.js';
import { Store } from './store.js';

const OUTBOX_TICK_MS = 1000;
const PRESENCE_MS = 4000;
const PULL_OVERLAP = 50;

/** Events: `change` (anything to show), `state` (the session's), `moved` (another address). */
export class Chat extends EventTarget {
  #store;
  #session;
  #outbox = new Outbox();
  #link = null;
  #cursor;
  #pulled = false;
  #timers;
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
      ready: (link, token) => this.#ready(link, token),
      delivered: (body, acknowledge) => this.#delivered(body, acknowledge),
      replied: (seq, body) => this.#replied(seq, body),
      lost: () => this.#lost(),
    });
  }

  get state() {
    return this.#session.state;
  }

  get me() {
    return this.profile.address;
  }

  start({ byPerson }) {
    this.#timers = [
      setInterval(() => this.#tendOutbox(), OUTBOX_TICK_MS),
      setInterval(() => this.#refreshPeople(), PRESENCE_MS),
    ];
    this.#session.start({ byPerson });
  }

  retryNow() {
    this.#session.retryNow();
  }

  /** Ends everything this object does; the page makes another one to go on. */
  close() {
    this.#closed = true;
    this.#session.stop();
    for (const timer of this.#timers ?? []) clearInterval(timer);
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

  #ready(link, token) {
    this.#link = link;
    this.#flushOutbox();
    this.#refreshPeople();
    this.#pull(link, token);
  }

  #lost() {
    this.#link = null;
    this.#pulled = false;
    this.#outbox.linkLost();
  }

  // After the login, not before it: what is stored between a pull and the login would reach this
  // page neither way. Overlap costs nothing, a message is shown once.
  async #pull(link, token) {
    const backoff = new Backoff();
    while (link.ready) {
      try {
        const start = this.history.pullStart(this.#cursor, PULL_OVERLAP);
        const messages = await syncRecords(token, start);
        const writes = messages.flatMap((message) => this.history.deliver(message));
        const newest = Math.max(0, ...messages.map(({ logId }) => logId));
        if (!(await this.#persist([...writes, ...this.#advance(newest)]))) return;
        this.#pulled = link.ready;
        for (const { msgId, from } of messages) if (from === this.me) this.#outbox.settle(msgId);
        return;
      } catch (error) {
        console.warn('history could not be fetched', error);
        await new Promise((resolve) => setTimeout(resolve, backoff.nextMs()));
      }
    }
  }

  // The cursor says that everything up to it was fetched, so pushes move it only after a pull.
  #advance(logId) {
    if (logId <= this.#cursor) return [];
    this.#cursor = logId;
    return [{ store: 'facts', put: { key: 'cursor', value: logId } }];
  }

  async #delivered(body, acknowledge) {
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
    acknowledge();
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
    return this.#pulled ? [...writes, ...this.#advance(message.logId)] : writes;
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
    const msgId = this.#outbox.bySeq(seq);
    if (msgId === undefined) return;
    const { logId, datetime } = decodeSendReply(body);
    this.#outbox.settle(msgId);
    this.#persist(this.history.confirm(msgId, logId, datetime));
    this.#flushOutbox();
  }

  #flushOutbox() {
    for (let msgId = this.#outbox.next(); msgId && this.#link; msgId = this.#outbox.next()) {
      const seq = this.#link.send(this.#encode(msgId));
      this.#outbox.sent(msgId, seq, Date.now());
    }
  }

  #tendOutbox() {
    if (!this.#link) return;
    const { repeat, failed } = this.#outbox.overdue(Date.now());
    for (const { msgId, seq } of repeat) this.#link.resend(seq, this.#encode(msgId));
    const writes = failed.flatMap((msgId) => this.history.markFailed(msgId, true));
    if (writes.length > 0) this.#persist(writes);
    this.#flushOutbox();
  }

  #encode(msgId) {
    const { conversation, text } = this.history.find(this.me, msgId);
    return encodeTextMessage({ ...addressing(conversation), msgId, from: this.me, text });
  }

  async #refreshPeople() {
    if (!this.#link) return;
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
