// Writing a message: Enter sends, Shift and Enter makes a new line, drafts stay with their talk.

import { byId } from './dom.js';

export class Composer {
  #form = byId('composer');
  #text = byId('composer-text');
  #conversation = null;
  #drafts = new Map();

  /** `drafted(conversation, text)` hears of each change that a person makes. */
  constructor({ send, drafted }) {
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.#text.value.trim();
      if (text === '' || this.#conversation === null) return;
      this.#text.value = '';
      this.#fit();
      send(this.#conversation, text);
    });
    this.#text.addEventListener('keydown', (event) => {
      // While an input method composes, Enter picks a word.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#form.requestSubmit();
    });
    this.#text.addEventListener('input', () => {
      this.#fit();
      drafted(this.#conversation, this.#text.value.trim());
    });
  }

  open(conversation) {
    if (conversation === this.#conversation) return;
    if (this.#conversation !== null) this.#drafts.set(this.#conversation, this.#text.value);
    this.#conversation = conversation;
    this.#text.value = this.#drafts.get(conversation) ?? '';
    this.#fit();
  }

  clear() {
    this.#drafts.clear();
    this.#conversation = null;
    this.#text.value = '';
  }

  focus() {
    this.#text.focus({ preventScroll: true });
  }

  #fit() {
    this.#text.style.height = 'auto';
    const borders = this.#text.offsetHeight - this.#text.clientHeight;
    this.#text.style.height = `${this.#text.scrollHeight + borders}px`;
  }
}
