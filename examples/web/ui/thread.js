// The messages of the open conversation.
//
// Not here: one bubble (bubble.js), writing (composer.js), the list of conversations (roster.js).

import { showAvatar } from './avatar.js';
import { makeBubble, updateBubble } from './bubble.js';
import { byId, element, setChildren, setText } from './dom.js';
import { subjectOf } from './subject.js';
import { dayKey, dayOf } from './when.js';

const PAGE = 200;

// Nearer than this to the end, a person is reading the newest message and wants the next one.
const NEAR_END_PX = 80;

const QUIET_MS = 500;

export class Thread {
  #scroller = byId('scroller');
  #list = byId('messages');
  #bubbles = new Map();
  #days = new Map();
  #conversation = null;
  #shown = PAGE;
  #atEnd = true;
  #show = () => {};

  constructor({ retry }) {
    this.#scroller.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    byId('to-newest').addEventListener('click', () => this.#toEnd());
    byId('earlier').addEventListener('click', () => {
      this.#shown += PAGE;
      this.#keepPlace(this.#show);
    });
    this.#list.addEventListener('click', ({ target }) => {
      const button = target.closest('button.retry');
      if (button) retry(button.closest('.message').dataset.msgId);
    });
    // A keyboard that comes up or a longer draft must not hide what was being read.
    new ResizeObserver(() => this.#atEnd && this.#toEnd()).observe(this.#scroller);
  }

  open(conversation) {
    if (conversation === this.#conversation) return;
    this.#conversation = conversation;
    this.#bubbles.clear();
    this.#days.clear();
    this.#list.replaceChildren();
    this.#shown = PAGE;
    this.#atEnd = true;
    // What is old is not news: only what is added afterwards is to be announced.
    this.#list.ariaLive = 'off';
    setTimeout(() => {
      this.#list.ariaLive = 'polite';
    }, QUIET_MS);
  }

  render(chat) {
    this.#show = () => this.#renderMessages(chat);
    this.#renderHead(chat);
    this.#show();
    if (this.#atEnd) this.#toEnd();
    else this.#scrolled();
  }

  #renderHead(chat) {
    const subject = subjectOf(chat, this.#conversation);
    const presence = byId('thread-presence');
    setText(byId('thread-title'), subject.name);
    setText(presence, presenceOf(chat, subject));
    presence.dataset.online = String(subject.online);
    showAvatar(byId('thread-avatar'), subject);
    setText(byId('thread-empty'), invitationTo(subject));
  }

  #renderMessages(chat) {
    const all = chat.history.messages(this.#conversation);
    const shown = all.slice(-this.#shown);
    const nodes = [];
    let before = null;
    for (const record of shown) {
      const newDay = !before || dayKey(before.at) !== dayKey(record.at);
      if (newDay) nodes.push(this.#day(record.at));
      nodes.push(this.#bubble(chat, record, newDay || before.from !== record.from));
      before = record;
    }
    setChildren(this.#list, nodes);
    byId('earlier').hidden = all.length === shown.length;
    byId('thread-empty').hidden = all.length > 0;
  }

  #bubble(chat, record, first) {
    const key = `${record.from}\n${record.msgId}`;
    let bubble = this.#bubbles.get(key);
    if (!bubble) {
      bubble = makeBubble(record, record.from === chat.me);
      this.#bubbles.set(key, bubble);
    }
    const { room } = subjectOf(chat, record.conversation);
    const named = room && first && record.from !== chat.me;
    const author = named ? chat.directory.nameOf(record.from) : '';
    updateBubble(bubble, record, { first, author });
    return bubble;
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

  #keepPlace(change) {
    const fromEnd = this.#scroller.scrollHeight - this.#scroller.scrollTop;
    change();
    this.#scroller.scrollTop = this.#scroller.scrollHeight - fromEnd;
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    byId('to-newest').hidden = this.#atEnd;
  }

  #toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#scrolled();
  }
}

function presenceOf(chat, { room, online }) {
  if (!room) return online ? 'Online' : 'Offline';
  const others = chat.directory.people().filter((p) => p.online && p.address !== chat.me);
  return others.length === 0 ? 'Nobody else is online' : `${others.length + 1} online`;
}

function invitationTo({ name, room, online }) {
  if (room) return 'This room is for everybody. Say hello!';
  if (online) return `Say hello to ${name}!`;
  return `${name} is not here now, and gets what you write at the next visit.`;
}
