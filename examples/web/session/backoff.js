// How long to wait before the next attempt: exponential, with jitter.
//
// Jitter matters more than the exact curve: after a restart of the server every page reconnects,
// and without it they would all come back in the same instant.
//
// Not here: clocks and timers.

const FIRST_MS = 500;
const LIMIT_MS = 30_000;

export class Backoff {
  #random;
  #most = FIRST_MS;

  constructor(random = Math.random) {
    this.#random = random;
  }

  /** Between half and all of a step; the step doubles with each call up to its limit. */
  nextMs() {
    const wait = (this.#most * (1 + this.#random())) / 2;
    this.#most = Math.min(this.#most * 2, LIMIT_MS);
    return wait;
  }

  reset() {
    this.#most = FIRST_MS;
  }
}
