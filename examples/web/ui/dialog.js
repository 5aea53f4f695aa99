// A modal dialog: the browser keeps the focus inside, closes it by Escape and gives the focus back.
//
// Not here: what is in one (new_group.js, group_panel.js, confirm.js).

import { byId } from './dom.js';
import { reasonOf } from './reason.js';

export class Dialog {
  #node;
  #problem;

  constructor(id) {
    this.#node = byId(id);
    this.#problem = this.#node.querySelector('.problem');
    this.#node.querySelector('.close')?.addEventListener('click', () => this.close());
    // A click beside it: only the dialog itself is hit there, never what is in it.
    this.#node.addEventListener('click', ({ target }) => {
      if (target === this.#node) this.close();
    });
  }

  get isOpen() {
    return this.#node.open;
  }

  open() {
    this.#say('');
    if (!this.#node.open) this.#node.showModal();
  }

  close() {
    this.#node.close();
  }

  onClose(act) {
    this.#node.addEventListener('close', act);
  }

  /** Does something and says why if it fails. Returns whether it worked. */
  async attempt(act) {
    this.#say('');
    try {
      await act();
      return true;
    } catch (error) {
      this.#say(reasonOf(error));
      return false;
    }
  }

  #say(problem) {
    this.#problem.textContent = problem;
    this.#problem.hidden = problem === '';
    if (problem !== '') this.#problem.scrollIntoView({ block: 'nearest' });
  }
}

/** Whether any dialog is open. */
export function isDialogOpen() {
  return document.querySelector('dialog[open]') !== null;
}
