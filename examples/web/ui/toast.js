// A line at the bottom that says what did not work, and goes by itself.

import { byId } from './dom.js';

const LASTS_MS = 6000;

let timer;

export function toast(text) {
  const node = byId('toast');
  node.textContent = text;
  node.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => {
    node.hidden = true;
  }, LASTS_MS);
}
