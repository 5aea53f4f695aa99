// What people are called on the screen.

import { say } from '../words/words.js';

/** The name of an address; `you` for this person's own. */
export function nameIn(chat, address) {
  if (address === '') return say('somebody');
  return address === chat.me ? say('you') : chat.directory.nameOf(address);
}
