// The dialog in which a group is made, or one is found by its number and joined.
//
// Not here: the calls (../net/groups.js).

import { JoinType } from '../net/groups.js';
import { say } from '../words/words.js';
import { Dialog } from './dialog.js';
import { byId, setText } from './dom.js';
import { Picker } from './picker.js';

export class NewGroup {
  #dialog = new Dialog('new-group');
  #people = new Picker('new-group-people');
  #chat = null;
  #found = null;
  #opened;

  /** `opened(id)` is called with the group that this person is now in. */
  constructor({ opened }) {
    this.#opened = opened;
    byId('new-group-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#create(byId('new-group-name').value.trim());
    });
    byId('find-group-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#find(byId('find-group-number').value.trim());
    });
    byId('found-group-join').addEventListener('click', () => this.#join());
  }

  open(chat) {
    this.#chat = chat;
    this.#found = null;
    this.#people.clear();
    this.#offer();
    const fields = ['new-group-name', 'find-group-number', 'found-group-note'];
    for (const id of fields) byId(id).value = '';
    this.#showFound('');
    this.#dialog.open();
    byId('new-group-name').focus();
  }

  /** Somebody may have come. */
  refresh() {
    if (this.#dialog.isOpen) this.#offer();
  }

  #offer() {
    const { directory, me } = this.#chat;
    this.#people.offer(directory.people().filter(({ address }) => address !== me));
  }

  async #create(name) {
    if (name === '') return;
    await this.#dialog.attempt(async () => {
      const { id } = await this.#chat.groups.api.create(name, this.#people.chosen());
      await this.#enter(id);
    });
  }

  async #find(number) {
    if (number === '') return;
    this.#found = null;
    await this.#dialog.attempt(async () => {
      this.#found = await this.#chat.groups.api.find(number);
    });
    this.#showFound(this.#found ? '' : say('new.nothing'));
    if (this.#found) byId(this.#asks() ? 'found-group-note' : 'found-group-join').focus();
  }

  async #join() {
    const { api } = this.#chat.groups;
    const { id, role } = this.#found;
    await this.#dialog.attempt(async () => {
      if (role === null && this.#asks()) {
        await api.apply(id, byId('found-group-note').value.trim());
        this.#found = null;
        this.#showFound(say('new.asked'));
        return;
      }
      if (role === null) await api.join(id);
      await this.#enter(id);
    });
  }

  async #enter(id) {
    await this.#chat.groups.refresh();
    this.#dialog.close();
    this.#opened(id);
  }

  #asks() {
    return this.#found?.joinType === JoinType.APPROVAL && this.#found.role === null;
  }

  #showFound(said) {
    const asks = this.#asks();
    byId('found-group-said').hidden = said === '';
    setText(byId('found-group-said'), said);
    byId('found-group').hidden = this.#found === null;
    for (const node of [byId('found-group-note'), byId('found-group-note').labels[0]]) {
      node.hidden = !asks;
    }
    const name = this.#found?.name ?? '';
    setText(byId('found-group-join'), say(asks ? 'new.ask' : 'new.join', name));
  }
}
