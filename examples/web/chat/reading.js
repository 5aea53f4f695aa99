// How far the person has read, and so how much is unread.
//
// Pure state; a change returns the writes that make it durable.
//
// Not here: what is on the screen (../ui/).

export class Reading {
  #me;
  #readTo;

  /** `marks` is what the store kept: `[{ conversation, logId }]`. */
  constructor(me, marks = []) {
    this.#me = me;
    this.#readTo = new Map(marks.map(({ conversation, logId }) => [conversation, logId]));
  }

  /** Messages by others behind the read mark; `messages` in order. */
  unread(conversation, messages) {
    const readTo = this.#readTo.get(conversation) ?? 0;
    let count = 0;
    for (let at = messages.length - 1; at >= 0; at -= 1) {
      const { from, logId } = messages[at];
      if (logId !== 0 && logId <= readTo) break;
      if (from !== this.#me) count += 1;
    }
    return count;
  }

  /** The person sees the newest message now. */
  readAll(conversation, messages) {
    const newest = messages.findLast(({ logId }) => logId !== 0)?.logId ?? 0;
    if (newest <= (this.#readTo.get(conversation) ?? 0)) return [];
    this.#readTo.set(conversation, newest);
    return [{ store: 'readTo', put: { conversation, logId: newest } }];
  }
}
