// How many people wait to be let into the open group, for its admins.
//
// No signal tells of an application, so the server is asked: when the group is opened or changes,
// and now and then while it is open.
//
// Not here: deciding (../ui/group_panel.js).

import { addressing } from './history.js';

const AGAIN_MS = 5000;

export class Applications {
  #changed;
  #conversation = null;
  #waiting = 0;
  #timer = null;

  constructor(changed) {
    this.#changed = changed;
  }

  /** Applications in a conversation; 0 for one that is not open, and for ordinary members. */
  waiting(conversation) {
    return conversation === this.#conversation ? this.#waiting : 0;
  }

  /** A group is open, or something about it has changed. */
  async refresh(chat, conversation) {
    clearTimeout(this.#timer);
    if (conversation !== this.#conversation) this.#waiting = 0;
    this.#conversation = conversation;
    if (!conversation) return;
    const { channelType, target } = addressing(conversation);
    if (channelType !== 1 || !chat.groups.isStaff(target) || !chat.isOnline) return;
    this.#timer = setTimeout(() => this.refresh(chat, conversation), AGAIN_MS);
    try {
      const { length } = await chat.groups.api.applications(target);
      if (conversation !== this.#conversation || length === this.#waiting) return;
      this.#waiting = length;
      this.#changed();
    } catch (error) {
      console.warn('applications could not be fetched', error);
    }
  }
}
