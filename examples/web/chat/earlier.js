// Reading a conversation backwards: pages of what this browser does not have.
//
// Not here: the calls (../net/records.js), what becomes of the messages (chat.js).

import { PAGE } from '../net/records.js';

export class Earlier {
  #fetch;
  #states = new Map();

  /** `fetch(conversation)` brings the page before the oldest message and returns its length. */
  constructor(fetch) {
    this.#fetch = fetch;
  }

  /** `loading`, `more` (there may be), `end`, or `failed` (to be tried again). */
  state(conversation) {
    return this.#states.get(conversation) ?? 'more';
  }

  /** Fetches the next page, unless one is on its way or there is none. */
  async load(conversation) {
    if (['loading', 'end'].includes(this.state(conversation))) return;
    this.#states.set(conversation, 'loading');
    try {
      const count = await this.#fetch(conversation);
      this.#states.set(conversation, count < PAGE ? 'end' : 'more');
    } catch (error) {
      console.warn('earlier messages could not be fetched', error);
      // Somebody who may not read here has read all there is.
      this.#states.set(conversation, error.refused ? 'end' : 'failed');
    }
  }
}
