// The words of the page in the language of the person, which is remembered.
//
// A word is a text, or a function of what stands in it. Elements of index.html name theirs:
// `data-say` (the text), `data-say-label` (label and tooltip), `data-say-placeholder`.
//
// Not here: the tables (en.js, zh.js).

import { en } from './en.js';
import { zh } from './zh.js';

export const TABLES = Object.freeze({ en, zh });

const KEPT = 'language';

let language = chosen();
const listeners = [];

/** `en` or `zh`. */
export function currentLanguage() {
  return language;
}

/** The language that a switch would go to. */
export function otherLanguage() {
  return language === 'en' ? 'zh' : 'en';
}

/** A word in the current language; the key itself if there is none. */
export function say(key, ...values) {
  const word = TABLES[language][key] ?? TABLES.en[key] ?? key;
  return typeof word === 'function' ? word(...values) : word;
}

/** Whether the tables have a word. */
export function knows(key) {
  return Object.hasOwn(TABLES.en, key);
}

/** Changes the language of the page and of later visits. */
export function setLanguage(next) {
  language = next;
  try {
    localStorage.setItem(KEPT, next);
  } catch {
    // A browser that keeps nothing asks again at the next visit.
  }
  translatePage();
  for (const listener of listeners) listener();
}

/** Calls back after each change of the language. */
export function onLanguage(listener) {
  listeners.push(listener);
}

/** Puts the words into the elements that name theirs. */
export function translatePage() {
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  for (const node of document.querySelectorAll('[data-say]')) {
    node.textContent = say(node.dataset.say);
  }
  for (const node of document.querySelectorAll('[data-say-label]')) {
    node.setAttribute('aria-label', say(node.dataset.sayLabel));
    if (node.tagName === 'BUTTON') node.title = say(node.dataset.sayLabel);
  }
  for (const node of document.querySelectorAll('[data-say-placeholder]')) {
    node.placeholder = say(node.dataset.sayPlaceholder);
  }
}

function chosen() {
  let kept = null;
  try {
    kept = localStorage.getItem(KEPT);
  } catch {
    // See above.
  }
  if (kept !== null && Object.hasOwn(TABLES, kept)) return kept;
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}
