// The messages of the open conversation, and reading it backwards.
//
// Not here: its head (head.js), one bubble (bubble.js), writing (composer.js).

import { say } from '../words/words.js';
import { makeBubble, makeEvent, updateBubble } from './bubble.js';
import { byId, element, setChildren, setText } from './dom.js';
import { contentOf } from './label.js';
import { subjectOf } from './subject.js';
import { dayKey, dayOf } from './when.js';

// Messages on the screen at first, and more at each step backwards.
const PAGE = 60;

// Nearer than this to the end, a person is reading the newest message and wants the next one.
const NEAR_END_PX = 80;

// Nearer than this to the beginning of what is shown, more is wanted soon.
const NEAR_START_PX = 600;

const QUIET_MS = 500;

export class Thread {
  #scroller = byId('scroller');
  #list = byId('messages');
  #rows = new Map();
  #days = new Map();
  #conversation = null;
  #chat = null;
  #shown = PAGE;
  #known = 0;
  #atEnd = true;
  #opened = false;
  #isQuiet = true;
  #quiet;

  constructor({ retry, revoke }) {
    this.#scroller.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    byId('to-newest').addEventListener('click', () => {
      this.#toEnd();
      this.#scroller.focus();
    });
    byId('earlier-button').addEventListener('click', () => {
      this.#chat.loadEarlier(this.#conversation);
    });
    this.#list.addEventListener('click', ({ target }) => {
      const button = target.closest('button');
      const row = button?.closest('.message');
      if (button?.className === 'retry') retry(row.dataset.msgId);
      if (button?.className === 'revoke') revoke(row.dataset.from, row.dataset.msgId);
    });
    // A keyboard that comes up or a longer draft must not hide what was being read.
    new ResizeObserver(() => this.#atEnd && this.#toEnd()).observe(this.#scroller);
  }

  open(conversation) {
    if (conversation === this.#conversation) return;
    this.#conversation = conversation;
    this.forget();
    this.#shown = PAGE;
    this.#known = 0;
    this.#atEnd = true;
    this.#opened = false;
  }

  /** Draws everything anew: the words have changed. What is old is not announced as news. */
  forget() {
    this.#quietly();
    this.#rows.clear();
    this.#days.clear();
    this.#list.replaceChildren();
  }

  render(chat) {
    this.#chat = chat;
    const { length } = chat.history.messages(this.#conversation);
    // What came meanwhile is shown below, or above, of what a person is reading.
    if (this.#opened && !this.#atEnd) this.#shown += Math.max(0, length - this.#known);
    this.#known = length;
    this.#opened = true;
    const draw = () => {
      this.#renderMessages(chat);
      this.#renderStart(chat);
    };
    if (this.#atEnd) draw();
    else this.#keepPlace(draw);
    if (this.#atEnd) this.#toEnd();
    else this.#scrolled();
    this.#fill();
  }

  #renderMessages(chat) {
    const all = chat.history.messages(this.#conversation);
    const { kind } = subjectOf(chat, this.#conversation);
    const nodes = [];
    let before = null;
    for (const record of all.slice(-this.#shown)) {
      const newDay = !before || dayKey(before.at) !== dayKey(record.at);
      if (newDay) nodes.push(this.#day(record.at));
      const first = newDay || before.from !== record.from || Boolean(before.notice);
      const named = kind !== 'person' && first && record.from !== chat.me;
      const author = named ? chat.directory.nameOf(record.from) : '';
      nodes.push(this.#row(chat, record, { first, author }));
      before = record;
    }
    setChildren(this.#list, nodes);
    const empty = byId('thread-empty');
    empty.hidden = all.length > 0 || chat.earlierState(this.#conversation) === 'loading';
    setText(empty, invitationTo(subjectOf(chat, this.#conversation)));
  }

  #row(chat, record, { first, author }) {
    const content = contentOf(chat, record);
    const key = `${record.from}\n${record.msgId}`;
    let row = this.#rows.get(key);
    if (!row) {
      const isEvent = content.event !== undefined;
      row = isEvent ? makeEvent(record) : makeBubble(record, record.from === chat.me);
      row.classList.toggle('new', !this.#isQuiet);
      this.#rows.set(key, row);
    }
    // A long conversation is drawn often, and of its rows hardly one has changed.
    const mayRevoke = chat.mayRevoke(record);
    const { logId, failed, received, code } = record;
    const marks = [mayRevoke, logId, failed, received, code];
    const state = JSON.stringify([content, first, author, marks]);
    if (row.state === state) return row;
    row.state = state;
    if (content.event !== undefined) setText(row.parts.text, content.event);
    else updateBubble(row, record, { content, first, author, mayRevoke });
    return row;
  }

  #day(ms) {
    const key = dayKey(ms);
    let day = this.#days.get(key);
    if (!day) {
      day = element('li', { className: 'day' });
      this.#days.set(key, day);
    }
    setText(day, dayOf(ms, Date.now()));
    return day;
  }

  // What stands above the first message: that more is coming, or that there is none.
  #renderStart(chat) {
    const state = this.#hasMoreHere() ? 'more' : chat.earlierState(this.#conversation);
    const { length } = chat.history.messages(this.#conversation);
    byId('earlier').dataset.state = state;
    byId('earlier').hidden = state === 'end' && length === 0;
    const words = { loading: say('thread.loading'), end: say('thread.begin') };
    setText(byId('earlier-text'), words[state] ?? '');
    const button = byId('earlier-button');
    button.hidden = state !== 'failed';
    setText(button, say('thread.retry-earlier'));
  }

  #hasMoreHere() {
    return this.#shown < this.#chat.history.messages(this.#conversation).length;
  }

  // Shows or fetches more when the beginning of what is shown is near.
  #fill() {
    if (!this.#chat || this.#scroller.scrollTop > NEAR_START_PX) return;
    if (this.#hasMoreHere()) {
      this.#shown += PAGE;
      this.#quietly();
      this.#keepPlace(() => {
        this.#renderMessages(this.#chat);
        this.#renderStart(this.#chat);
      });
    } else if (this.#chat.earlierState(this.#conversation) === 'more' && this.#chat.isOnline) {
      this.#quietly();
      this.#chat.loadEarlier(this.#conversation);
    }
  }

  #quietly() {
    this.#isQuiet = true;
    byId('log').ariaLive = 'off';
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => {
      this.#isQuiet = false;
      byId('log').ariaLive = 'polite';
    }, QUIET_MS);
  }

  // The same message stays where it is on the screen, whatever is put above it.
  #keepPlace(change) {
    const top = this.#scroller.getBoundingClientRect().top;
    // The heading of a day moves up when earlier messages of it come.
    const stays = (row) => row.className !== 'day' && row.getBoundingClientRect().bottom > top;
    const anchor = [...this.#list.children].find(stays);
    const before = anchor?.getBoundingClientRect().top ?? 0;
    change();
    if (anchor?.isConnected) {
      this.#scroller.scrollTop += anchor.getBoundingClientRect().top - before;
    }
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    byId('to-newest').hidden = this.#atEnd;
    this.#fill();
  }

  #toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#atEnd = true;
    byId('to-newest').hidden = true;
  }
}

function invitationTo({ name, kind, online }) {
  if (kind === 'room') return say('thread.hello-room');
  if (kind === 'group') return say('thread.hello-group', name);
  return say(online ? 'thread.hello' : 'thread.hello-later', name);
}
