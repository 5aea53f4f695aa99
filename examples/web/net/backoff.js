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
  #low = FIRST_MS;

  constructor(random = Math.random) {
    this.#random = random;
  }

  /** Between one and two steps; the step doubles with each call until two of them are the limit. */
  nextMs() {
    const wait = this.#low * (1 + this.#random());
    this.#low = Math.min(this.#low * 2, LIMIT_MS / 2);
    return wait;
  }

  reset() {
    this.#low = FIRST_MS;
  }
}
