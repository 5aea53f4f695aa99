// Fetching from the record what the session does not bring: at its beginning, and after a gap.
//
// Not here: what is fetched, and what becomes of it (chat.js).

import { Backoff } from '../session/backoff.js';

export class Pull {
  #fetch;
  #backoff = new Backoff();
  #wanted = 0;
  #done = 0;
  #running = false;
  #stopped = false;
  #wake = null;

  /** `fetch()` brings everything that the record has by now, or rejects. */
  constructor(fetch) {
    this.#fetch = fetch;
  }

  /** Whether everything that was missing has been fetched. */
  get complete() {
    return this.#done === this.#wanted;
  }

  /** Something may be missing from here on. */
  need() {
    this.#wanted += 1;
    this.hurry();
    this.#run();
  }

  /** Ends the wait before the next attempt. */
  hurry() {
    this.#wake?.();
  }

  stop() {
    this.#stopped = true;
    this.hurry();
  }

  // What comes to be missing while a page is on its way may not be in it, so it is asked for again.
  async #run() {
    if (this.#running) return;
    this.#running = true;
    while (!this.complete && !this.#stopped) {
      const wanted = this.#wanted;
      try {
        await this.#fetch();
        this.#done = wanted;
        this.#backoff.reset();
      } catch (error) {
        console.warn('history could not be fetched', error);
        await this.#pause();
      }
    }
    this.#running = false;
  }

  #pause() {
    return new Promise((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, this.#backoff.nextMs());
    });
  }
}
