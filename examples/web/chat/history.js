// What was said: every message once, in the order of the server's ids.
//
// Pure state. Each change returns the writes that make it durable (see store.js); no writes means
// that nothing was new. Messages arrive twice by design: a send is echoed to its author, replays
// and pulls overlap. A message is known by (author, msgId) and by its logId.
//
// Not here: disk (store.js), sending (outbox.js), unread counts (reading.js).

import { Channel, MsgType } from '../wire/bodies.js';

// Marks for messages that are not here yet, say from the user's other device; more means trouble.
const MAX_EARLY_MARKS = 1000;

export class History {
  #me;
  #byKey = new Map();
  #byLogId = new Map();
  #conversations = new Map();
  #earlyMarks;

  /** `records` and `earlyMarks` are what the store kept. */
  constructor(me, records = [], earlyMarks = []) {
    this.#me = me;
    this.#earlyMarks = new Set(earlyMarks);
    for (const record of records.toSorted(compare)) this.#insert(record);
  }

  /** Messages of one conversation, oldest first; those without an id of the server come last. */
  messages(conversation) {
    return this.#conversations.get(conversation) ?? [];
  }

  /** Ids of the conversations with at least one message. */
  conversations() {
    return [...this.#conversations.keys()];
  }

  find(from, msgId) {
    return this.#byKey.get(keyOf(from, msgId));
  }

  /** Own messages that the server has not confirmed, oldest first. */
  unconfirmed() {
    const own = [...this.#byKey.values()].filter((record) => record.logId === 0);
    return own.sort((a, b) => a.at - b.at);
  }

  /** An own message, before it is sent. `at` is this clock, until the server says its own. */
  compose({ conversation, msgId, text, at }) {
    const record = {
      from: this.#me,
      msgId,
      conversation,
      type: MsgType.TEXT,
      text,
      at,
      logId: 0,
      failed: false,
      received: false,
      revoked: false,
    };
    this.#insert(record);
    return { record, writes: [put(record)] };
  }

  /** A message from the server, pushed or pulled. */
  deliver(message) {
    const { from, logId, datetime } = message;
    const msgId = message.msgId || `log-${logId}`;
    const known = this.find(from, msgId);
    if (known) return known.logId === 0 ? this.confirm(msgId, logId, datetime) : [];
    if (this.#byLogId.has(logId)) return [];
    const record = {
      from,
      msgId,
      conversation: this.#conversationOf(message),
      type: message.type,
      text: message.text,
      notice: message.notice,
      at: datetime,
      logId,
      failed: false,
      received: false,
      revoked: false,
    };
    const writes = this.#applyEarlyMark(record);
    this.#insert(record);
    return [put(record), ...writes];
  }

  /** The server stored an own message: by its reply, or because it comes back. */
  confirm(msgId, logId, datetime) {
    const record = this.find(this.#me, msgId);
    if (!record || record.logId !== 0) return [];
    this.#remove(record);
    Object.assign(record, { logId, at: datetime, failed: false });
    const writes = this.#applyEarlyMark(record);
    this.#insert(record);
    return [put(record), ...writes];
  }

  /** The peer's phone has these. The mark may be here before the message's own id. */
  markReceived(logIds) {
    return logIds.flatMap((logId) => {
      const record = this.#byLogId.get(logId);
      if (!record) return this.#keepEarlyMark(logId);
      if (record.received) return [];
      record.received = true;
      return [put(record)];
    });
  }

  /**
   * The server gave no answer to an own message, or refused it with a code; or (`false`) it is to
   * be tried again.
   */
  markFailed(msgId, failed, code = 0) {
    const record = this.find(this.#me, msgId);
    if (!record || record.logId !== 0 || record.failed === failed) return [];
    Object.assign(record, { failed, code });
    return [put(record)];
  }

  /** The message was withdrawn: its text goes, its place stays. */
  revoke(logId) {
    const record = this.#byLogId.get(logId);
    if (!record || record.revoked) return [];
    Object.assign(record, { revoked: true, text: null });
    return [put(record)];
  }

  /** When somebody last said something in a conversation, 0 for never. */
  lastOf(conversation, from) {
    return this.messages(conversation).findLast((record) => record.from === from)?.at ?? 0;
  }

  /** The least id of a conversation's messages, 0 if there is none. */
  oldest(conversation) {
    return this.messages(conversation).find(({ logId }) => logId !== 0)?.logId ?? 0;
  }

  /**
   * Where a pull should begin, when everything up to `cursor` was once fetched: `overlap` messages
   * earlier, because two senders' messages may be delivered in another order than their ids.
   */
  pullStart(cursor, overlap) {
    const ids = [...this.#byLogId.keys()].filter((logId) => logId <= cursor).sort((a, b) => a - b);
    return ids.at(-overlap) ?? 0;
  }

  #conversationOf({ channelType, from, target }) {
    if (channelType === Channel.TO_GROUP) return roomId(target);
    return personId(from === this.#me ? target : from);
  }

  #insert(record) {
    this.#byKey.set(keyOf(record.from, record.msgId), record);
    if (record.logId !== 0) this.#byLogId.set(record.logId, record);
    const list = this.#conversations.get(record.conversation);
    if (!list) {
      this.#conversations.set(record.conversation, [record]);
      return;
    }
    let at = list.length;
    while (at > 0 && compare(record, list[at - 1]) < 0) at -= 1;
    list.splice(at, 0, record);
  }

  #remove(record) {
    const list = this.#conversations.get(record.conversation);
    list.splice(list.indexOf(record), 1);
  }

  #keepEarlyMark(logId) {
    if (this.#earlyMarks.has(logId) || this.#earlyMarks.size >= MAX_EARLY_MARKS) return [];
    this.#earlyMarks.add(logId);
    return [{ store: 'earlyMarks', put: { logId } }];
  }

  #applyEarlyMark(record) {
    if (!this.#earlyMarks.delete(record.logId)) return [];
    record.received = true;
    return [{ store: 'earlyMarks', remove: record.logId }];
  }
}

export function personId(address) {
  return `person:${address}`;
}

export function roomId(group) {
  return `room:${group}`;
}

/** The conversation of what is addressed so, as seen by its receiver. */
export function conversationAt(channelType, target) {
  return channelType === Channel.TO_GROUP ? roomId(target) : personId(target);
}

/** Where to send what is written in a conversation. */
export function addressing(conversation) {
  const [kind, target] = conversation.split(':');
  return { channelType: kind === 'room' ? Channel.TO_GROUP : Channel.TO_USER, target };
}

function put(record) {
  return { store: 'messages', put: record };
}

function keyOf(from, msgId) {
  return `${from}\n${msgId}`;
}

function compare(a, b) {
  if (a.logId !== b.logId) return (a.logId || Infinity) - (b.logId || Infinity);
  return a.at - b.at;
}
