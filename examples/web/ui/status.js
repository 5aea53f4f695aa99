// The state of the connection: a word beside the name, and a banner when a person should act.
//
// Not here: how the state comes about (../net/session.js).

import { say } from '../words/words.js';
import { byId, setText } from './dom.js';

const TICK_MS = 1000;

const WORDS = { online: 'online', connecting: 'connecting' };

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
    setText(byId('status-word'), say(WORDS[this.state.name] ?? 'offline'));
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
  return seconds > 1 ? say('wait.seconds', seconds) : say('wait.now');
}

function bannerOf(state) {
  switch (state.name) {
    case 'waiting':
      return { text: say('banner.waiting'), button: say('banner.try'), act: 'retry' };
    case 'elsewhere': {
      const place = state.place && say(`banner.${state.place}`);
      const device = place || state.deviceName || say('banner.another-device');
      const text = say('banner.elsewhere', device);
      return { text, button: say('banner.use-here'), act: 'useHere' };
    }
    case 'ended':
      return { text: say('banner.ended', state.text), button: say('banner.again'), act: 'useHere' };
    case 'demo-off':
      return { text: say('sign-in.demo-off') };
    case 'storage-failed':
      return { text: say('banner.storage') };
    default:
      return null;
  }
}
