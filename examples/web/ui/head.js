// The head of the open conversation: with whom, who is there, who writes, and why one cannot.
//
// Not here: its messages (thread.js).

import { addressing } from '../chat/history.js';
import { say } from '../words/words.js';
import { showAvatar } from './avatar.js';
import { byId, setText } from './dom.js';
import { subjectOf } from './subject.js';
import { untilOf } from './when.js';

/** `waiting`: how many applications this person may decide on. */
export function renderHead(chat, conversation, waiting) {
  const subject = subjectOf(chat, conversation);
  const writers = chat.writers(conversation);
  const presence = byId('thread-presence');
  setText(byId('thread-title'), subject.name);
  setText(presence, writers.length > 0 ? typingLine(chat, writers) : presenceOf(chat, subject));
  presence.dataset.online = String(subject.online && writers.length === 0);
  presence.dataset.typing = String(writers.length > 0);
  showAvatar(byId('thread-avatar'), subject);
  byId('group-button').hidden = subject.kind !== 'group' || (subject.group?.role ?? null) === null;
  const banner = byId('thread-waiting');
  banner.hidden = waiting === 0;
  setText(banner, say('thread.waiting', waiting));
  renderSilence(chat, conversation);
}

/** What stands instead of the presence while people write; also in the list. */
export function typingLine(chat, writers) {
  const names = writers.map((address) => chat.directory.nameOf(address));
  return names.length === 1 ? say('typing.one', names[0]) : say('typing.many', names);
}

function presenceOf(chat, { kind, online, group }) {
  if (kind === 'person') return say(online ? 'online' : 'offline');
  if (kind === 'group') return group ? say('presence.members', group.memberNum) : '';
  const others = chat.directory.people().filter((p) => p.online && p.address !== chat.me);
  return others.length === 0 ? say('presence.nobody') : say('presence.count', others.length + 1);
}

function renderSilence(chat, conversation) {
  const { channelType, target } = addressing(conversation);
  const silence = channelType === 1 ? chat.groups.silence(target, Date.now()) : null;
  const node = byId('silence');
  node.hidden = silence === null;
  setText(node, silence === null ? '' : silenceWords(silence, chat.groups.find(target)));
  byId('composer').dataset.silence = silence ?? '';
  for (const id of ['composer-text', 'composer-send']) byId(id).disabled = silence === 'outside';
}

function silenceWords(silence, { mutedUntil }) {
  if (silence !== 'muted') return say(`silence.${silence}`);
  const until = untilOf(mutedUntil, Date.now());
  return until === null ? say('silence.muted-forever') : say('silence.muted', until);
}
