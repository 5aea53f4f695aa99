// The groups of this user: which there are, and what this user is in them.
//
// The server's list is the truth; it is fetched again after each change, by whoever it was. Groups
// that this user has left stay known by name, without a role.
//
// Not here: the calls (../net/groups.js), messages (history.js).

import { Role } from '../net/groups.js';

export class Groups {
  #api;
  #groups;
  #changed;
  #running = null;
  #again = false;

  /** `kept` is what the store kept; `changed(writes)` makes a change durable and shows it. */
  constructor(api, kept, changed) {
    this.#api = api;
    this.#groups = new Map(kept.map((group) => [group.id, group]));
    this.#changed = changed;
  }

  /** The calls, for dialogs; after a change call `refresh`. */
  get api() {
    return this.#api;
  }

  /** Groups that this user is in. */
  joined() {
    return [...this.#groups.values()].filter(({ role }) => role !== null);
  }

  find(id) {
    return this.#groups.get(id);
  }

  isStaff(id) {
    return (this.find(id)?.role ?? Role.MEMBER) >= Role.ADMIN;
  }

  /** Why this user cannot speak there now: `outside`, `muted`, `all-muted`; or null. */
  silence(id, now) {
    const group = this.find(id);
    if (!group) return null;
    if (group.role === null) return 'outside';
    if (group.mutedUntil > now) return 'muted';
    return group.allMuted && !this.isStaff(id) ? 'all-muted' : null;
  }

  /** Asks the server; calls that come while it is asked make one more. */
  async refresh() {
    if (this.#running) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#refreshAll();
    try {
      await this.#running;
    } finally {
      this.#running = null;
    }
  }

  async #refreshAll() {
    do {
      this.#again = false;
      await this.#take(await this.#api.list());
    } while (this.#again);
  }

  #take(list) {
    const joined = new Map(list.map((group) => [group.id, group]));
    for (const group of this.joined()) {
      if (!joined.has(group.id)) joined.set(group.id, { ...group, role: null });
    }
    const writes = [];
    for (const group of joined.values()) {
      if (JSON.stringify(group) === JSON.stringify(this.find(group.id))) continue;
      this.#groups.set(group.id, group);
      writes.push({ store: 'groups', put: group });
    }
    return this.#changed(writes);
  }
}
