// The local disk: what this browser keeps of one user's chats, in IndexedDB.
//
// A write resolves when it would survive the browser being killed. That is why nothing of this is
// in localStorage, which Chromium writes seconds later. Writes that come together share one
// transaction, so that a replay of a thousand messages does not cost a thousand syncs.
//
// Not here: what the records mean (history.js, reading.js), who uses this browser (profiles.js).

const VERSION = 2;
const KEYS = {
  messages: ['from', 'msgId'],
  earlyMarks: 'logId',
  readTo: 'conversation',
  people: 'address',
  facts: 'key',
  groups: 'id',
};

export class Store {
  #db;
  #queue = [];
  #committing = false;

  constructor(db) {
    this.#db = db;
    // Another tab wants to delete or upgrade the database; holding it open would block that tab.
    db.onversionchange = () => db.close();
  }

  static async open(address) {
    const opening = indexedDB.open(`comet-chat-${address}`, VERSION);
    opening.onupgradeneeded = () => {
      const db = opening.result;
      for (const [name, keyPath] of Object.entries(KEYS)) {
        if (!db.objectStoreNames.contains(name)) db.createObjectStore(name, { keyPath });
      }
    };
    return new Store(await done(opening));
  }

  /** Everything, as `{ messages: [...], earlyMarks: [...], ... }`. */
  async load() {
    const names = Object.keys(KEYS);
    const transaction = this.#db.transaction(names, 'readonly');
    const lists = await Promise.all(
      names.map((name) => done(transaction.objectStore(name).getAll())),
    );
    return Object.fromEntries(names.map((name, at) => [name, lists[at]]));
  }

  /**
   * Applies `[{ store, put } | { store, remove }]` after all earlier writes. No writes at all is
   * a way to wait for those.
   */
  write(writes) {
    return new Promise((resolve, reject) => {
      this.#queue.push({ writes, resolve, reject });
      if (!this.#committing) this.#commitQueue();
    });
  }

  close() {
    this.#db.close();
  }

  async #commitQueue() {
    this.#committing = true;
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0);
      try {
        await this.#commit(batch.flatMap(({ writes }) => writes));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#committing = false;
  }

  #commit(writes) {
    if (writes.length === 0) return undefined;
    const names = [...new Set(writes.map(({ store }) => store))];
    const transaction = this.#db.transaction(names, 'readwrite', { durability: 'strict' });
    for (const { store, put, remove } of writes) {
      if (put) transaction.objectStore(store).put(put);
      else transaction.objectStore(store).delete(remove);
    }
    return new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
  }
}

/** The result of one IndexedDB request. */
export function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
