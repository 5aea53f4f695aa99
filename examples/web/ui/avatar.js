// The coloured initial of a person or a group, and the sign of the demo's room.

import { icon, setChildren } from './dom.js';

const HUES = 8;

export function showAvatar(node, { name, address, kind = 'person' }) {
  node.dataset.kind = kind;
  node.dataset.hue = kind === 'room' ? 'room' : String(hueOf(address));
  if (kind === 'room') setChildren(node, [icon('room')]);
  else node.textContent = [...name][0]?.toUpperCase() ?? '?';
}

function hueOf(address) {
  let sum = 0;
  for (const character of address) sum = (sum * 31 + character.codePointAt(0)) % 65_521;
  return sum % HUES;
}
