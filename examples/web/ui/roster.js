// The list of conversations: the demo's room, then groups and people, the latest talk first.
//
// Not here: the messages of one (thread.js).

import { personId, roomId } from '../chat/history.js';
import { say } from '../words/words.js';
import { showAvatar } from './avatar.js';
import { byId, element, setChildren, setText } from './dom.js';
import { typingLine } from './head.js';
import { lineOf } from './label.js';
import { subjectOf } from './subject.js';
import { briefly } from './when.js';

const MAX_ENTRIES = 200;

export class Roster {
  #list = byId('roster');
  #find = byId('find');
  #items = new Map();

  /** `changed()` asks for another `render`: the person looks for something. */
  constructor({ open, changed }) {
    this.#list.addEventListener('click', ({ target }) => {
      const button = target.closest('button');
      if (button) open(button.dataset.conversation);
    });
    this.#list.addEventListener('keydown', (event) => this.#moveFocus(event));
    this.#find.addEventListener('input', changed);
  }

  render(chat, current) {
    const wanted = this.#find.value.trim().toLocaleLowerCase();
    const all = conversationsOf(chat).map((conversation) => describe(chat, conversation));
    const found = all.filter(({ name }) => name.toLocaleLowerCase().includes(wanted));
    const entries = found.sort(byTalkThenPresence).slice(0, MAX_ENTRIES);
    setChildren(
      this.#list,
      entries.map((entry) => this.#item(chat, entry, entry.conversation === current)),
    );
    const alone = wanted === '' && !all.some(({ kind }) => kind !== 'room');
    const empty = byId('roster-empty');
    empty.hidden = !alone && entries.length > 0;
    setText(empty, say(alone ? 'side.empty' : 'side.nothing'));
  }

  clear() {
    this.#items.clear();
    this.#list.replaceChildren();
    this.#find.value = '';
  }

  /** The person has found what they looked for. */
  endSearch() {
    this.#find.value = '';
  }

  /** Gives the focus to a conversation, or else to the first. */
  focus(conversation) {
    const item = this.#items.get(conversation) ?? this.#list.firstElementChild;
    item?.parts.button.focus();
  }

  #moveFocus(event) {
    const step = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' }[event.key];
    const next = step && event.target.closest('li')?.[step];
    if (!next) return;
    event.preventDefault();
    next.parts.button.focus();
  }

  #item(chat, entry, current) {
    let item = this.#items.get(entry.conversation);
    if (!item) {
      item = makeItem(entry.conversation);
      this.#items.set(entry.conversation, item);
    }
    updateItem(chat, item, entry, current);
    return item;
  }
}

/** How much is unread in all conversations together. */
export function unreadInAll(chat) {
  return conversationsOf(chat).reduce((sum, conversation) => sum + chat.unread(conversation), 0);
}

// Everybody who could be talked to, every group, and every talk there was; but not oneself.
function conversationsOf(chat) {
  const people = chat.directory.people().map(({ address }) => personId(address));
  const groups = chat.groups.joined().map(({ id }) => roomId(id));
  const all = new Set([...people, ...groups, ...chat.history.conversations()]);
  if (chat.room !== null) all.add(roomId(chat.room));
  all.delete(personId(chat.me));
  return [...all];
}

function describe(chat, conversation) {
  const last = chat.history.messages(conversation).at(-1);
  const unread = chat.unread(conversation);
  return { ...subjectOf(chat, conversation), conversation, last, unread };
}

function byTalkThenPresence(a, b) {
  return (
    Number(b.kind === 'room') - Number(a.kind === 'room') ||
    (b.last?.at ?? 0) - (a.last?.at ?? 0) ||
    Number(b.kind === 'group') - Number(a.kind === 'group') ||
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
    badgeWords: element('span', { className: 'visually-hidden' }),
  };
  parts.avatar.ariaHidden = 'true';
  parts.badge.ariaHidden = 'true';
  const button = element(
    'button',
    { type: 'button', className: 'conversation', data: { conversation } },
    parts.avatar,
    element('span', { className: 'top' }, parts.name, parts.presence, parts.time),
    element('span', { className: 'bottom' }, parts.preview, parts.badge, parts.badgeWords),
  );
  const item = element('li', {}, button);
  item.parts = { button, ...parts };
  return item;
}

function updateItem(chat, item, entry, current) {
  const { button, avatar, name, preview, presence, time, badge, badgeWords } = item.parts;
  const { last, unread, online, kind } = entry;
  Object.assign(button.dataset, { name: entry.name, unread, online, kind });
  if (current) button.setAttribute('aria-current', 'true');
  else button.removeAttribute('aria-current');
  if (avatar.textContent === '' || avatar.dataset.name !== entry.name) {
    avatar.dataset.name = entry.name;
    showAvatar(avatar, entry);
  }
  setText(name, entry.name);
  setText(presence, online ? say('comma-online') : '');
  const writers = chat.writers(entry.conversation);
  button.dataset.typing = String(writers.length > 0);
  setText(preview, writers.length > 0 ? typingLine(chat, writers) : previewOf(chat, entry));
  setText(time, last ? briefly(last.at, Date.now()) : '');
  if (last) time.dateTime = new Date(last.at).toISOString();
  badge.hidden = unread === 0;
  setText(badge, unread > 99 ? '99+' : String(unread));
  setText(badgeWords, unread === 0 ? '' : say('side.unread', unread));
}

function previewOf(chat, { last, online, kind, group }) {
  if (last) return lineOf(chat, last, { named: kind !== 'person' });
  if (kind === 'room') return say('room.everybody');
  if (kind === 'group') return group ? say('presence.members', group.memberNum) : '';
  return say(online ? 'online' : 'offline');
}
