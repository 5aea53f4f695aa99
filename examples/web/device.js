// What this page says that it is.
//
// A phone, by default: only phones get replays and set the received mark, and a demo should show
// both. `?device=web` makes the page a further screen of the user, of which there may be many.

import { Device } from './wire/bodies.js';

const DEVICES = { android: Device.ANDROID, web: Device.WEB };

const BROWSERS = [
  ['Edg/', 'Edge'],
  ['OPR/', 'Opera'],
  ['Firefox/', 'Firefox'],
  ['Chrome/', 'Chrome'],
  ['Safari/', 'Safari'],
];
const SYSTEMS = [
  ['Android', 'Android'],
  ['iPhone', 'iPhone'],
  ['iPad', 'iPad'],
  ['Windows', 'Windows'],
  ['Mac OS', 'macOS'],
  ['Linux', 'Linux'],
];

export function deviceOf(query) {
  return DEVICES[new URLSearchParams(query).get('device')] ?? Device.ANDROID;
}

/** Such as "Firefox on Linux": what another device shows when this one takes over. */
export function deviceNameOf(userAgent) {
  const find = (marks) => marks.find(([mark]) => userAgent.includes(mark))?.[1];
  return `${find(BROWSERS) ?? 'Browser'} on ${find(SYSTEMS) ?? 'another system'}`;
}
