// Keeps one name connected: token, link, back-off, and the rule of one phone per user.
//
// States, as `{ name, ... }`: connecting; online; waiting (`retryAt`); elsewhere (`deviceName`);
// demo-off; stopped. Only a person leaves the last three, by `start`.
//
// Not here: frames (link.js), what messages mean (../chat/), which tab owns the name (../tab.js).

import { ConnType, encodeAuth } from '../wire/bodies.js';
import { demoLogin } from './api.js';
import { Backoff } from './backoff.js';
import { Link } from './link.js';

// A server that accepts and drops at once must not be hammered: the wait grows until a link held.
const STABLE_MS = 10_000;

/**
 * `on` has: `state(state)`, `login({ address, token, room })` (returns whether to go on),
 * `ready(link, token)`, `delivered(body, acknowledge)`, `replied(seq, body)`, `lost()`.
 */
export class Session {
  #profile;
  #on;
  #backoff = new Backoff();
  #connType = ConnType.RECONNECT;
  #link = null;
  #attempt = 0;
  #retry;
  #stable;
  state = { name: 'stopped' };

  constructor(profile, on) {
    this.#profile = profile;
    this.#on = on;
  }

  /** Connects. `byPerson` wins over another phone of the user; otherwise the newer one stays. */
  start({ byPerson }) {
    this.stop();
    this.#connType = byPerson ? ConnType.CONNECT : ConnType.RECONNECT;
    this.#backoff.reset();
    this.#connect();
  }

  /** Ends the link and every attempt. */
  stop() {
    this.#halt({ name: 'stopped' });
  }

  /** The user's other phone took over: reconnecting by itself would start a tug of war. */
  yieldTo(deviceName) {
    this.#halt({ name: 'elsewhere', deviceName });
  }

  /** Ends the wait early, if there is one: the network is back, or a person is impatient. */
  retryNow() {
    if (this.state.name !== 'waiting') return;
    clearTimeout(this.#retry);
    this.#connect();
  }

  #halt(state) {
    this.#attempt += 1;
    clearTimeout(this.#retry);
    clearTimeout(this.#stable);
    const link = this.#link;
    this.#link = null;
    link?.close();
    this.#enter(state);
  }

  #enter(state) {
    this.state = state;
    this.#on.state(state);
  }

  async #connect() {
    this.#attempt += 1;
    const attempt = this.#attempt;
    this.#enter({ name: 'connecting' });
    let login;
    try {
      login = await demoLogin(this.#profile.name);
    } catch (error) {
      if (attempt !== this.#attempt) return;
      if (error.demoOff) this.#halt({ name: 'demo-off' });
      else this.#waitAndRetry();
      return;
    }
    if (attempt === this.#attempt && this.#on.login(login)) this.#openLink(login.token);
  }

  #openLink(token) {
    const { name, uuid, device, deviceName } = this.#profile;
    const connType = this.#connType;
    const auth = encodeAuth({ token, device, username: name, connType, uuid, deviceName });
    const link = new Link(socketUrl(), auth, {
      ready: () => this.#ready(link, token),
      refused: (login) => this.yieldTo(login.deviceName),
      delivered: (body, acknowledge) => this.#on.delivered(body, acknowledge),
      replied: (seq, body) => this.#on.replied(seq, body),
      closed: () => this.#closed(link),
    });
    this.#link = link;
  }

  #ready(link, token) {
    // The person's wish is fulfilled; from here on every connection is this page's own doing.
    this.#connType = ConnType.RECONNECT;
    this.#stable = setTimeout(() => this.#backoff.reset(), STABLE_MS);
    this.#enter({ name: 'online' });
    this.#on.ready(link, token);
  }

  #closed(link) {
    this.#on.lost();
    if (link !== this.#link) return;
    this.#link = null;
    clearTimeout(this.#stable);
    this.#waitAndRetry();
  }

  #waitAndRetry() {
    const wait = this.#backoff.nextMs();
    this.#retry = setTimeout(() => this.#connect(), wait);
    this.#enter({ name: 'waiting', retryAt: Date.now() + wait });
  }
}

function socketUrl() {
  const url = new URL('/sub', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}
