// The state of the connection: a word beside the name, and a banner when a person should act.
//
// Not here: how the state comes about (../net/session.js).

import { byId, setText } from './dom.js';

const TICK_MS = 1000;

const WORDS = { online: 'Online', connecting: 'Connecting…' };

export class Status {
  #line = byId('status');
  #banner = byId('banner');
  #act = null;

  constructor() {
    byId('banner-button').addEventListener('click', () => this.#act?.());
    setInterval(() => this.#tick(), TICK_MS);
  }

  /** `useHere` takes the name back; `retry` ends a wait. */
  show(state, { useHere, retry }) {
    this.state = state;
    this.#line.dataset.state = state.name;
    if (state.name === 'online') this.#line.dataset.session = state.resumed ? 'resumed' : 'new';
    this.#tick();
    // Between two attempts the banner would only flicker.
    if (state.name === 'connecting' && !this.#banner.hidden) return;
    this.#showBanner(bannerOf(state), { useHere, retry });
  }

  // The seconds are apart from the word, which readers announce whenever it changes.
  #tick() {
    if (!this.state) return;
    setText(byId('status-word'), WORDS[this.state.name] ?? 'Offline');
    setText(byId('status-wait'), waitOf(this.state, Date.now()));
  }

  #showBanner(banner, acts) {
    this.#banner.hidden = banner === null;
    if (!banner) return;
    setText(byId('banner-text'), banner.text);
    const button = byId('banner-button');
    button.hidden = !banner.act;
    setText(button, banner.button ?? '');
    this.#act = acts[banner.act] ?? null;
  }
}

function waitOf(state, now) {
  if (state.name !== 'waiting') return '';
  const seconds = Math.round((state.retryAt - now) / 1000);
  return seconds > 1 ? `, again in ${seconds} s` : ', trying again';
}

function bannerOf(state) {
  switch (state.name) {
    case 'waiting':
      return {
        text: 'No connection. What you write is kept and sent as soon as there is one.',
        button: 'Try now',
        act: 'retry',
      };
    case 'elsewhere':
      return {
        text: `You are logged in elsewhere: ${state.deviceName || 'another device'}.`,
        button: 'Use here',
        act: 'useHere',
      };
    case 'ended':
      return {
        text: `The server has ended the session: ${state.text}.`,
        button: 'Connect again',
        act: 'useHere',
      };
    case 'demo-off':
      return {
        text: 'The demo mode of this server is off, so it gives no names away. It is on when the '
          + 'server listens on this machine only.',
      };
    case 'storage-failed':
      return {
        text: 'This browser could not store your messages, so the chat has stopped. Free some '
          + 'disk space and reload the page.',
      };
    default:
      return null;
  }
}
