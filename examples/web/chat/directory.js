// Names of addresses, and who is online; refreshed from the demo server.
//
// Not here: when to refresh (chat.js).

import { demoPeople } from '../net/api.js';

export class Directory {
  #people;

  /** `people` is what the store kept: `[{ address, name }]`; nobody counts as online yet. */
  constructor(people = []) {
    this.#people = new Map(people.map((person) => [person.address, { ...person, online: false }]));
  }

  /** Asks the server. Returns the writes for names that are new or changed. */
  async refresh() {
    const writes = [];
    const seen = await demoPeople();
    for (const person of this.#people.values()) person.online = false;
    for (const { address, name, online } of seen) {
      if (this.#people.get(address)?.name !== name) {
        writes.push({ store: 'people', put: { address, name } });
      }
      this.#people.set(address, { address, name, online });
    }
    return writes;
  }

  /** Without a connection nothing is known about the others. */
  forgetPresence() {
    for (const person of this.#people.values()) person.online = false;
  }

  people() {
    return [...this.#people.values()];
  }

  knows(address) {
    return this.#people.has(address);
  }

  isOnline(address) {
    return this.#people.get(address)?.online ?? false;
  }

  nameOf(address) {
    return this.#people.get(address)?.name ?? `${address.slice(0, 8)}…`;
  }
}
