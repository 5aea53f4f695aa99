// Who this name is to the server: its token, asked for anew before it is too old.
//
// Not here: the call itself (api.js), when it is needed (session.js, ../chat/pull.js).

import { demoLogin } from './api.js';

// Tokens live two minutes.
const FRESH_MS = 60_000;

export class Login {
  #name;
  #last = null;
  #asked = -Infinity;

  constructor(name) {
    this.#name = name;
  }

  /** `{ address, token, room }`, with a token that is good for a while. */
  async fresh() {
    if (!this.#last || performance.now() - this.#asked > FRESH_MS) await this.anew();
    return this.#last;
  }

  /** The same, with a token that nobody has refused. */
  async anew() {
    const asked = performance.now();
    this.#last = await demoLogin(this.#name);
    this.#asked = asked;
    return this.#last;
  }
}
