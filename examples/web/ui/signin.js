// The first screen: picking a name.
//
// Not here: what signing in does (../main.js).

import { byId, element, setChildren } from './dom.js';

export class SignIn {
  #page = byId('sign-in');
  #name = byId('sign-in-name');
  #error = byId('sign-in-error');
  #button = byId('sign-in-button');

  constructor(signIn) {
    byId('sign-in-form').addEventListener('submit', async (event) => {
      event.preventDefault();
      const name = this.#name.value.trim();
      if (name === '' || this.#button.disabled) return;
      this.#button.disabled = true;
      await signIn(name);
      this.#button.disabled = false;
    });
  }

  /** `known` are the names used in this browser before. */
  show({ known, error = '' }) {
    setChildren(
      byId('sign-in-known'),
      known.map((name) => element('option', { value: name })),
    );
    if (this.#name.value === '' && known.length === 1) this.#name.value = known[0];
    this.#error.textContent = error;
    this.#error.hidden = error === '';
    this.#page.hidden = false;
    this.#name.focus();
    this.#name.select();
  }

  hide() {
    this.#page.hidden = true;
  }
}
