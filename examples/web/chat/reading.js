// How far the person has read, and so how much is unread.
//
// Pure state; a change returns the writes that make it durable.
//
// Not here: what is on the screen (../ui/), the other devices (chat.js).

import { MsgType } from '../wire/bodies.js';

export class Reading {
  #me;
  #readTo;

  /** `marks` is what the store kept: `[{ conversation, logId }]`. */
  constructor(me, marks = []) {
    this.#me = me;
    this.#readTo = new Map(marks.map(({ conversation, logId }) => [conversation, logId]));
  }

  /** Messages by others behind the read mark, without notices; `messages` in order. */
  unread(conversation, messages) {
    const readTo = this.#readTo.get(conversation) ?? 0;
    let count = 0;
    for (let at = messages.length - 1; at >= 0; at -= 1) {
      const { from, logId, type, revoked } = messages[at];
      if (logId !== 0 && logId <= readTo) break;
      if (from !== this.#me && type !== MsgType.NOTICE && !revoked) count += 1;
    }
    return count;
  }

  /** The person sees the newest message now. */
  readAll(conversation, messages) {
    const newest = messages.findLast(({ logId }) => logId !== 0)?.logId ?? 0;
    return this.readTo(conversation, newest);
  }

  /** The person has read up to this message, here or on another device. */
  readTo(conversation, logId) {
    if (logId <= (this.#readTo.get(conversation) ?? 0)) return [];
    this.#readTo.set(conversation, logId);
    return [{ store: 'readTo', put: { conversation, logId } }];
  }
}
