// The list of conversations: the room, then people, the latest talk first.
//
// Not here: the messages of one (thread.js).

import { personId, roomId } from '../chat/history.js';
import { showAvatar } from './avatar.js';
import { byId, element, setChildren, setText } from './dom.js';
import { lineOf } from './label.js';
import { subjectOf } from './subject.js';
import { briefly } from './when.js';

const MAX_ENTRIES = 200;

export class Roster {
  #list = byId('roster');
  #items = new Map();

  constructor(open) {
    this.#list.addEventListener('click', ({ target }) => {
      const button = target.closest('button');
      if (button) open(button.dataset.conversation);
    });
  }

  render(chat, current) {
    const entries = conversationsOf(chat)
      .map((conversation) => describe(chat, conversation))
      .sort(byTalkThenPresence)
      .slice(0, MAX_ENTRIES);
    if (chat.room !== null) entries.unshift(describe(chat, roomId(chat.room)));
    setChildren(
      this.#list,
      entries.map((entry) => this.#item(entry, entry.conversation === current)),
    );
    byId('roster-empty').hidden = entries.some(({ room }) => !room);
  }

  clear() {
    this.#items.clear();
    this.#list.replaceChildren();
  }

  #item(entry, current) {
    let item = this.#items.get(entry.conversation);
    if (!item) {
      item = makeItem(entry.conversation);
      this.#items.set(entry.conversation, item);
    }
    updateItem(item, entry, current);
    return item;
  }
}

// Everybody who could be talked to, and every talk there was; but not oneself.
function conversationsOf(chat) {
  const people = chat.directory.people().map(({ address }) => personId(address));
  const all = new Set([...people, ...chat.history.conversations()]);
  all.delete(personId(chat.me));
  all.delete(roomId(chat.room));
  return [...all];
}

function describe(chat, conversation) {
  const last = chat.history.messages(conversation).at(-1);
  const unread = chat.unread(conversation);
  return { ...subjectOf(chat, conversation), conversation, last, unread, me: chat.me };
}

function byTalkThenPresence(a, b) {
  return (
    (b.last?.at ?? 0) - (a.last?.at ?? 0) ||
    Number(b.online) - Number(a.online) ||
    a.name.localeCompare(b.name)
  );
}

function makeItem(conversation) {
  const parts = {
    avatar: element('span', { className: 'avatar' }),
    name: element('span', { className: 'name' }),
    preview: element('span', { className: 'preview' }),
    presence: element('span', { className: 'visually-hidden' }),
    time: element('time'),
    badge: element('span', { className: 'badge' }),
  };
  parts.avatar.ariaHidden = 'true';
  const button = element(
    'button',
    { type: 'button', className: 'conversation', data: { conversation } },
    parts.avatar,
    element('span', { className: 'top' }, parts.name, parts.presence, parts.time),
    element('span', { className: 'bottom' }, parts.preview, parts.badge),
  );
  const item = element('li', {}, button);
  item.parts = { button, ...parts };
  return item;
}

function updateItem(item, entry, current) {
  const { button, avatar, name, preview, presence, time, badge } = item.parts;
  const { last, unread, online } = entry;
  Object.assign(button.dataset, { name: entry.name, unread, online });
  if (current) button.setAttribute('aria-current', 'true');
  else button.removeAttribute('aria-current');
  if (avatar.textContent === '' || avatar.dataset.name !== entry.name) {
    avatar.dataset.name = entry.name;
    showAvatar(avatar, entry);
  }
  setText(name, entry.name);
  setText(presence, online ? ', online' : '');
  setText(preview, previewOf(entry));
  setText(time, last ? briefly(last.at, Date.now()) : '');
  if (last) time.dateTime = new Date(last.at).toISOString();
  badge.hidden = unread === 0;
  setText(badge, unread > 99 ? '99+' : String(unread));
  badge.ariaLabel = `${unread} unread`;
}

function previewOf({ last, me, online, room }) {
  if (last) return `${last.from === me ? 'You: ' : ''}${lineOf(last)}`;
  if (room) return 'Everybody is here';
  return online ? 'Online' : 'Offline';
}
