// A list of people, of whom some are chosen.

import { say } from '../words/words.js';
import { showAvatar } from './avatar.js';
import { byId, element, setChildren } from './dom.js';

export class Picker {
  #list;
  #rows = new Map();

  constructor(id) {
    this.#list = byId(id);
  }

  /** Offers these people `[{ address, name, online }]`; who was chosen stays so. */
  offer(people) {
    const sorted = people.toSorted(
      (a, b) => Number(b.online) - Number(a.online) || a.name.localeCompare(b.name),
    );
    const rows = new Map(
      sorted.map((person) => [person.address, this.#rows.get(person.address) ?? row(person)]),
    );
    this.#rows = rows;
    const nobody = element('li', { className: 'hint' }, say('picker.nobody'));
    setChildren(this.#list, rows.size > 0 ? [...rows.values()] : [nobody]);
  }

  /** Addresses of the chosen. */
  chosen() {
    return [...this.#rows].filter(([, item]) => item.input.checked).map(([address]) => address);
  }

  clear() {
    this.#rows.clear();
  }
}

function row(person) {
  const avatar = element('span', { className: 'avatar small' });
  avatar.ariaHidden = 'true';
  showAvatar(avatar, person);
  const input = element('input', { type: 'checkbox', value: person.address });
  const name = element('span', { className: 'name' }, person.name);
  const item = element('li', {}, element('label', { className: 'check' }, input, avatar, name));
  item.dataset.name = person.name;
  item.input = input;
  return item;
}
