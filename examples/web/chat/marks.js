// Read marks between the devices of one user: what is read here counts there.
//
// Not here: the marks of this browser (reading.js), the calls (../net/records.js).

const TELL_AFTER_MS = 400;

export class Marks {
  #tell;
  #waiting = new Map();
  #timer = null;

  /** `tell(conversation, logId)` says how far this user has read. */
  constructor(tell) {
    this.#tell = tell;
  }

  /** This person has read up to a message; what follows at once is told together. */
  note(conversation, logId) {
    this.#waiting.set(conversation, logId);
    this.#timer ??= setTimeout(() => this.#tellAll(), TELL_AFTER_MS);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#waiting.clear();
  }

  // A mark that is not taken is made up for by the next one of its conversation.
  async #tellAll() {
    this.#timer = null;
    const marks = [...this.#waiting];
    this.#waiting.clear();
    for (const [conversation, logId] of marks) {
      try {
        await this.#tell(conversation, logId);
      } catch (error) {
        console.warn('a read mark was not taken', error);
      }
    }
  }
}
