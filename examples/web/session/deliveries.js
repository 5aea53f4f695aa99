// What the server delivers under numbers: put in order, handed up once, acknowledged when settled.
//
// An arrival is `{ first, last, ... }`: the numbers that it stands for, one for a delivery, one or
// more for a gap. It is acknowledged only after its owner has settled it, as an acknowledgement
// says that the message cannot get lost here any more. One that came too early is listed in ranges
// while it is in memory only: the numbers live no longer than the page, and nor does the ticket.
//
// Pure. Not here: frames (../wire/), what arrivals mean (../chat/).

import { NONE, isAfter, next, plus, since } from '../wire/seq.js';

const MAX_EARLY = 256;
const MAX_EARLY_BYTES = 1 << 20;

export class Deliveries {
  #handedTo = NONE;
  #settledTo = NONE;
  // Handed up and not yet acknowledged, oldest first; the server's window bounds them.
  #handed = [];
  // Ordered by their first numbers.
  #early = [];
  #earlyBytes = 0;
  #ackDue = false;

  /** Takes an arrival, and returns those whose turn it is now. */
  handle(arrival) {
    if (!this.#isNext(arrival)) {
      // A repeat or a hole: the server should know at once what is here.
      this.#ackDue = true;
      if (isAfter(arrival.first, this.#handedTo)) this.#keep(arrival);
      return [];
    }
    const turn = [];
    for (let at = arrival; at; at = this.#nextEarly()) turn.push(this.#handUp(at));
    return turn;
  }

  /** Nothing can take this arrival away any more. One of an earlier session is nobody's. */
  settle(arrival) {
    const entry = this.#handed.find((handed) => handed.arrival === arrival);
    if (!entry) return;
    entry.settled = true;
    while (this.#handed[0]?.settled) {
      this.#settledTo = this.#handed.shift().arrival.last;
      this.#ackDue = true;
    }
  }

  /** An acknowledgement is wanted now, whatever has come. */
  hurry() {
    this.#ackDue = true;
  }

  /** What to acknowledge now, if anything. */
  takeAck() {
    if (!this.#ackDue) return null;
    this.#ackDue = false;
    return this.received();
  }

  /** What has arrived: everything up to a number, and ranges beyond it. */
  received() {
    const ranges = [];
    for (const { first, last } of this.#early) {
      const open = ranges.at(-1);
      if (!open || isAfter(first, plus(open.last, 1))) ranges.push({ first, last });
      else if (isAfter(last, open.last)) open.last = last;
    }
    return { upTo: this.#settledTo, ranges };
  }

  #isNext({ first, last }) {
    return isAfter(last, this.#handedTo) && !isAfter(first, next(this.#handedTo));
  }

  // A gap may have begun before what is known already; the rest of it counts.
  #handUp(arrival) {
    if (!isAfter(arrival.first, this.#handedTo)) arrival.first = next(this.#handedTo);
    this.#handedTo = arrival.last;
    this.#handed.push({ arrival, settled: false });
    return arrival;
  }

  // What does not fit is dropped, and not listed, so that it comes again.
  #keep(arrival) {
    const ahead = ({ first }) => since(first, this.#handedTo);
    let at = this.#early.findIndex((kept) => ahead(kept) >= ahead(arrival));
    if (at < 0) at = this.#early.length;
    const { first, last } = this.#early[at] ?? {};
    const bytes = this.#earlyBytes + sizeOf(arrival);
    if (first === arrival.first && last === arrival.last) return;
    if (this.#early.length >= MAX_EARLY || bytes > MAX_EARLY_BYTES) return;
    this.#earlyBytes = bytes;
    this.#early.splice(at, 0, arrival);
  }

  // A gap may have taken the numbers of what was kept behind it.
  #nextEarly() {
    while (this.#early.length > 0 && !isAfter(this.#early[0].first, next(this.#handedTo))) {
      const kept = this.#early.shift();
      this.#earlyBytes -= sizeOf(kept);
      if (this.#isNext(kept)) return kept;
    }
    return null;
  }
}

function sizeOf({ body, gap }) {
  return body ? body.length : gap.room.length;
}
