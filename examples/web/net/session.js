// Keeps one name in session: its token, and the rule of one phone per user.
//
// States, as `{ name, ... }`: connecting; online (`resumed`); waiting (`retryAt`); elsewhere
// (`deviceName`, or `place` in this browser); ended (`text`); demo-off; stopped. Only a person
// leaves the last four, by `start`.
//
// Not here: connections (carrier.js), what messages mean (../chat/), which tab owns the name
// (../tab.js).

import { APP_ID, ConnType, decodeEndpointLogin, encodeLogin } from '../wire/bodies.js';
import { Code } from '../wire/control.js';
import { WireError } from '../wire/protobuf.js';
import { Carrier } from './carrier.js';
import { EventLine } from './event_line.js';
import { FastestLine } from './fastest_line.js';
import { Login } from './login.js';

const LINES = [() => new FastestLine(socketUrl()), () => new EventLine('/comet/sse')];

/**
 * `on` has: `state(state)`, `login({ address, token, room })` (returns whether to go on),
 * `opened(resumed)`, `delivered(body, arrival)`, `gap(gap, arrival)`, `replied(seq, body)`,
 * `notTaken(seq, refusal)`.
 */
export class Session {
  #profile;
  #on;
  #connType = ConnType.RECONNECT;
  #carrier = null;
  login;
  state = { name: 'stopped' };

  constructor(profile, on) {
    this.#profile = profile;
    this.#on = on;
    this.login = new Login(profile.name);
  }

  get isOnline() {
    return this.state.name === 'online';
  }

  /** Connects. `byPerson` wins over another phone of the user; otherwise the newer one stays. */
  start({ byPerson }) {
    this.stop();
    this.#connType = byPerson ? ConnType.CONNECT : ConnType.RECONNECT;
    const carrier = new Carrier(LINES, () => this.#authenticate(carrier), (event) => {
      if (carrier === this.#carrier) this.#handle(event);
    });
    this.#carrier = carrier;
  }

  /** Ends the session, and every attempt at it. */
  stop() {
    this.#halt({ name: 'stopped' });
  }

  /** The user's other phone took over: reconnecting by itself would start a tug of war. */
  yieldTo(deviceName) {
    this.#halt({ name: 'elsewhere', deviceName });
  }

  /** Ends a wait early, if there is one: the network is back, or a person is impatient. */
  retryNow() {
    this.#carrier?.hurry();
  }

  /** Takes a message; returns its number, or null if it has to wait here. */
  send(body) {
    return this.#carrier?.send(body) ?? null;
  }

  /** What came with this arrival is on the disk: it may be acknowledged. */
  settle(arrival) {
    this.#carrier?.settle(arrival);
  }

  #halt(state) {
    const carrier = this.#carrier;
    this.#carrier = null;
    carrier?.leave();
    this.#enter(state);
  }

  #enter(state) {
    this.state = state;
    this.#on.state(state);
  }

  async #authenticate(carrier) {
    let login;
    try {
      login = await this.login.anew();
    } catch (error) {
      if (error.demoOff && carrier === this.#carrier) this.#halt({ name: 'demo-off' });
      throw error;
    }
    if (carrier !== this.#carrier || !this.#on.login(login)) throw new Error('nobody waits for it');
    const { name, uuid, device, deviceName } = this.#profile;
    const connType = this.#connType;
    const ext = encodeLogin({ device, username: name, connType, uuid, deviceName });
    return { appId: APP_ID, token: login.token, ext };
  }

  #handle(event) {
    switch (event.kind) {
      case 'connect':
        return this.#enter({ name: 'connecting' });
      case 'opened':
        return this.#opened(event.resumed);
      case 'waiting':
        return this.#enter({ name: 'waiting', retryAt: event.until });
      case 'delivery':
        return this.#on.delivered(event.body, event.arrival);
      case 'gap':
        return this.#on.gap(event.gap, event.arrival);
      case 'replied':
        return this.#on.replied(event.seq, event.body);
      case 'notTaken':
        return this.#on.notTaken(event.seq, event.refusal);
      case 'closed':
        return this.#closed(event.closed);
      default:
    }
  }

  #opened(resumed) {
    // The person's wish is fulfilled; from here on every connection is this page's own doing.
    this.#connType = ConnType.RECONNECT;
    this.#enter({ name: 'online', resumed });
    this.#on.opened(resumed);
  }

  // A refusal of the backend names the user's newer phone.
  #closed({ reason, code, text, body }) {
    if (reason === 'refused' && body.length > 0) this.yieldTo(deviceNameIn(body));
    else if (code === Code.REPLACED) this.#halt({ name: 'elsewhere', place: 'another-page' });
    else this.#halt({ name: 'ended', text: text || `code ${code}` });
  }
}

function deviceNameIn(body) {
  try {
    return decodeEndpointLogin(body).deviceName;
  } catch (error) {
    if (error instanceof WireError) return '';
    throw error;
  }
}

function socketUrl() {
  const url = new URL('/sub', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}
