// Who is writing, and what is said of one's own writing.
//
// Pure state; the time comes in. A mark fades by itself, as its end may get lost.
//
// Not here: the signal (../wire/typing.js), when to draw (chat.js).

/** A mark lasts so long; its sender repeats it about twice in that time. */
const LASTS_MS = 6000;
const REPEAT_MS = 2500;

const MOST_CONVERSATIONS = 200;
const MOST_WRITERS = 20;

export class Typing {
  #marks = new Map();
  #own = { conversation: null, at: -Infinity };

  /** Somebody writes, or (`ended`) has stopped. Returns whether that is to be shown. */
  heard(now, conversation, address, ended) {
    const writers = this.#marks.get(conversation) ?? new Map();
    if (ended) return writers.delete(address);
    const isNew = !writers.has(address);
    if (isNew && writers.size >= MOST_WRITERS) return false;
    if (!this.#marks.has(conversation) && this.#marks.size >= MOST_CONVERSATIONS) return false;
    writers.set(address, now + LASTS_MS);
    this.#marks.set(conversation, writers);
    return isNew;
  }

  /** A message of somebody has come, which ends the mark of its author. */
  spoke(conversation, address) {
    this.#marks.get(conversation)?.delete(address);
  }

  /** Addresses of those who write in a conversation. */
  writers(now, conversation) {
    const writers = this.#marks.get(conversation) ?? new Map();
    return [...writers].filter(([, until]) => until > now).map(([address]) => address);
  }

  /** Forgets faded marks. Returns when the next one fades, or null. */
  fade(now) {
    let next = null;
    for (const [conversation, writers] of this.#marks) {
      for (const [address, until] of writers) {
        if (until <= now) writers.delete(address);
        else next = Math.min(next ?? until, until);
      }
      if (writers.size === 0) this.#marks.delete(conversation);
    }
    return next;
  }

  /** This person writes. Returns whether to say so. */
  writes(now, conversation) {
    const { conversation: before, at } = this.#own;
    if (before === conversation && now - at < REPEAT_MS) return false;
    this.#own = { conversation, at: now };
    return true;
  }

  /** This person has stopped, or (`sent`) said it. Returns whether to say so. */
  stops(now, conversation, { sent }) {
    const { conversation: before, at } = this.#own;
    if (before !== conversation) return false;
    this.#own = { conversation: null, at: -Infinity };
    // A message ends its author's mark by itself.
    return !sent && now - at < LASTS_MS;
  }
}
