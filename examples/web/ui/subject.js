// Who or what a conversation is with.

import { roomId } from '../chat/history.js';
import { say } from '../words/words.js';

/**
 * `{ name, kind, address, online, group }`; the kind is `person`, `group` or `room` (the demo's). A
 * room is never online; `group` is what is known of a group.
 */
export function subjectOf(chat, conversation) {
  const [kind, target] = conversation.split(':');
  if (conversation === roomId(chat.room)) {
    return { name: say('room.demo'), kind: 'room', address: target, online: false };
  }
  if (kind === 'room') {
    const group = chat.groups.find(target);
    const name = group?.name ?? say('group.unknown', target);
    return { name, kind: 'group', address: target, online: false, group };
  }
  const { directory } = chat;
  return {
    name: directory.nameOf(target),
    kind: 'person',
    address: target,
    online: directory.isOnline(target),
  };
}
