// Who or what a conversation is with.

import { roomId } from '../chat/history.js';

/** `{ name, room, address, online }`; a room has no address and is never online. */
export function subjectOf(chat, conversation) {
  const [kind, target] = conversation.split(':');
  if (kind === 'room') {
    const name = conversation === roomId(chat.room) ? 'Demo room' : `Group ${target}`;
    return { name, room: true, online: false };
  }
  const { directory } = chat;
  return {
    name: directory.nameOf(target),
    room: false,
    address: target,
    online: directory.isOnline(target),
  };
}
