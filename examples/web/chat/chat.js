// One signed-in name: joins the session, the local store and the pure state, and tells the page.
//
// The order that matters is here: a message is acknowledged only after it is on the local disk,
// and sent only after it is there too.
//
// Not here: how anything looks (../ui/), the rules of each part (the other files of this folder).

import {
  MsgType,
  SignalType,
  decodeDelivery,
  isAboutGroups,
  isPhone,
} from '../wire/bodies.js';
import { WireError } from '../wire/protobuf.js';
import { NONE } from '../wire/seq.js';
import { encodeTyping } from '../wire/typing.js';
import { syncRecords } from '../net/api.js';
import { GroupApi } from '../net/groups.js';
import { markRead, readMarks, recordsBefore, revokeRecord } from '../net/records.js';
import { Session } from '../net/session.js';
import { Directory } from './directory.js';
import { Earlier } from './earlier.js';
import { Groups } from './groups.js';
import { History, addressing, conversationAt, personId } from './history.js';
import { Marks } from './marks.js';
import { Pull } from './pull.js';
import { Reading } from './reading.js';
import { Sending } from './sending.js';
import { Store } from './store.js';
import { Typing } from './typing.js';

const PRESENCE_MS = 4000;
const PULL_OVERLAP = 50;

/**
 * Events: `change` (anything to show), `groups` (something about groups), `state` (the session's),
 * `moved` (another address).
 */
export class Chat extends EventTarget {
  #store;
  #session;
  #sending;
  #pull = new Pull(() => this.#fetch());
  #earlier = new Earlier((conversation) => this.#fetchEarlier(conversation));
  #marks = new Marks((conversation, logId) => this.#tellRead(conversation, logId));
  #typing = new Typing();
  #cursor;
  #presence;
  #fading = null;
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
    const persist = (writes) => this.#persist(writes);
    const send = (body) => this.#session.send(body);
    this.#sending = new Sending(profile.address, this.history, { send, persist });
    this.#session = new Session(profile, {
      state: (state) => this.#stateChanged(state),
      login: (login) => this.#loggedIn(login),
      opened: (resumed) => this.#opened(resumed),
      delivered: (body, arrival) => this.#delivered(body, arrival),
      gap: (gap, arrival) => this.#missed(gap, arrival),
      replied: (seq, body) => this.#sending.replied(seq, body),
      notTaken: (seq, refusal) => this.#sending.notTaken(seq, refusal),
    });
    this.groups = new Groups(new GroupApi(this.#session.login), kept.groups, persist);
  }

  get state() {
    return this.#session.state;
  }

  get isOnline() {
    return this.#session.isOnline;
  }

  get me() {
    return this.profile.address;
  }

  start({ byPerson }) {
    clearInterval(this.#presence);
    this.#presence = setInterval(() => this.#refreshPeople(), PRESENCE_MS);
    this.#session.start({ byPerson });
    this.#sending.restart();
  }

  retryNow() {
    this.#session.retryNow();
  }

  /** Ends everything this object does; the page makes another one to go on. */
  close() {
    this.#closed = true;
    this.#session.stop();
    this.#sending.stop();
    this.#pull.stop();
    this.#marks.stop();
    clearInterval(this.#presence);
    clearTimeout(this.#fading);
    this.#store.write([]).finally(() => this.#store.close());
  }

  /** Takes a text for a conversation; it goes out now, or as soon as there is a connection. */
  async send(conversation, text) {
    this.#typing.stops(performance.now(), conversation, { sent: true });
    await this.#sending.compose(conversation, text);
  }

  /** A person wants a message tried again that got no answer. */
  retry(msgId) {
    return this.#sending.retry(msgId);
  }

  /** Withdraws a message; rejects with the server's reason. */
  async revoke({ conversation, logId }) {
    const { token } = await this.#session.login.fresh();
    await revokeRecord(token, addressing(conversation).channelType, logId);
    await this.#persist(this.history.revoke(logId));
  }

  /** Whether this person may withdraw it: an own message, or as an admin of the group. */
  mayRevoke({ conversation, from, logId, revoked, type }) {
    if (logId === 0 || revoked || type === MsgType.NOTICE) return false;
    const { channelType, target } = addressing(conversation);
    return from === this.me || (channelType === 1 && this.groups.isStaff(target));
  }

  /** A draft has changed; the other side may see that this person writes. */
  drafted(conversation, text) {
    if (!this.#session.isOnline) return;
    const now = performance.now();
    const ended = text === '';
    const tell = ended
      ? this.#typing.stops(now, conversation, { sent: false })
      : this.#typing.writes(now, conversation);
    if (tell) this.#session.send(encodeTyping({ ...addressing(conversation), ended }));
  }

  /** Addresses of those who write in a conversation. */
  writers(conversation) {
    return this.#typing.writers(performance.now(), conversation);
  }

  readAll(conversation) {
    const messages = this.history.messages(conversation);
    const writes = this.reading.readAll(conversation, messages);
    if (writes.length === 0) return;
    this.#persist(writes);
    this.#marks.note(conversation, writes[0].put.logId);
  }

  unread(conversation) {
    return this.reading.unread(conversation, this.history.messages(conversation));
  }

  /** See `Earlier.state`. */
  earlierState(conversation) {
    return this.#earlier.state(conversation);
  }

  /** Fetches messages before the oldest one that is here. */
  async loadEarlier(conversation) {
    const loading = this.#earlier.load(conversation);
    this.#changed();
    await loading;
    this.#changed();
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
    this.#sending.flush();
    this.#refreshPeople();
    this.#refreshGroups();
    this.#fetchReadMarks();
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
    for (const { msgId, from } of messages) if (from === this.me) this.#sending.settle(msgId);
  }

  async #fetchEarlier(conversation) {
    const { token } = await this.#session.login.fresh();
    const before = this.history.oldest(conversation);
    const messages = await recordsBefore(token, addressing(conversation), before);
    await this.#persist(messages.flatMap((message) => this.history.deliver(message)));
    return messages.length;
  }

  async #tellRead(conversation, logId) {
    const { token } = await this.#session.login.fresh();
    await markRead(token, addressing(conversation).channelType, logId);
  }

  async #fetchReadMarks() {
    try {
      const { token } = await this.#session.login.fresh();
      const marks = await readMarks(token);
      const writes = marks.flatMap(({ channelType, target, logId }) =>
        this.reading.readTo(conversationAt(channelType, target), logId));
      if (writes.length > 0) await this.#persist(writes);
    } catch (error) {
      console.warn('read marks could not be fetched', error);
    }
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
    if (arrival) this.#session.settle(arrival);
    if (signal?.type === SignalType.ENDPOINT_LOGIN) this.#otherLogin(signal.login);
  }

  #takeMessage(message) {
    const writes = this.history.deliver(message);
    if (message.from === this.me) {
      this.#sending.settle(message.msgId);
    } else if (!this.directory.knows(message.from)) {
      this.#refreshPeople();
    }
    if (message.type === MsgType.NOTICE) this.#refreshGroups();
    const conversation = this.history.find(message.from, message.msgId)?.conversation;
    this.#typing.spoke(conversation, message.from);
    return this.#pull.complete ? [...writes, ...this.#advance(message.logId)] : writes;
  }

  #takeSignal(signal) {
    if (signal.type === SignalType.RECEIVED) return this.history.markReceived(signal.logIds);
    if (signal.type === SignalType.REVOKE) return this.history.revoke(signal.logId);
    if (signal.type === SignalType.TYPING) this.#heardTyping(signal.typing);
    if (isAboutGroups(signal)) this.#refreshGroups();
    return [];
  }

  // A mark waits for a slow line, and may be overtaken by the message that ends it.
  #heardTyping({ channelType, target, from, ended, datetime }) {
    if (from === this.me) return;
    const conversation = channelType === 1 ? conversationAt(channelType, target) : personId(from);
    if (this.history.lastOf(conversation, from) >= datetime) return;
    this.#typing.heard(performance.now(), conversation, from, ended);
    this.#fadeLater();
  }

  #fadeLater() {
    const now = performance.now();
    const next = this.#typing.fade(now);
    clearTimeout(this.#fading);
    if (next === null) return;
    this.#fading = setTimeout(() => {
      this.#fadeLater();
      this.#changed();
    }, next - now);
  }

  #otherLogin({ uuid, device, deviceName }) {
    const mine = uuid === this.profile.uuid;
    if (!mine && isPhone(device) && isPhone(this.profile.device)) this.#session.yieldTo(deviceName);
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

  async #refreshGroups() {
    try {
      await this.groups.refresh();
      this.dispatchEvent(new Event('groups'));
    } catch (error) {
      console.warn('groups could not be fetched', error);
    }
  }

  #changed() {
    if (!this.#closed) this.dispatchEvent(new Event('change'));
  }

  // Shows the change at once and resolves when it is durable. A disk that takes no more ends the
  // session: to acknowledge or to send what may be forgotten would be a lie.
  async #persist(writes) {
    if (this.#closed) return false;
    this.#changed();
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
