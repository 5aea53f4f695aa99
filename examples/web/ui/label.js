// What a message says, in one line of text.

import { MsgType } from '../wire/bodies.js';
import { NoticeType } from '../wire/notice.js';
import { knows, say } from '../words/words.js';
import { nameIn } from './names.js';

/** The text, or `{ label }` for what this page cannot show, or `{ event }` for a notice. */
export function contentOf(chat, { type, text, revoked, notice }) {
  if (revoked) return { label: say('message.revoked') };
  if (type === MsgType.NOTICE) return { event: noticeIn(chat, notice) };
  if (type !== MsgType.TEXT) {
    return { label: say(knows(`message.${type}`) ? `message.${type}` : 'message.unknown') };
  }
  return text === null ? { label: say('message.encrypted') } : { text };
}

/** The line under a conversation in the list. */
export function lineOf(chat, record, { named }) {
  const { text, label, event } = contentOf(chat, record);
  if (event !== undefined) return event;
  const line = text ?? label;
  if (record.from === chat.me) return say('side.you', line);
  return named ? say('side.by', nameIn(chat, record.from), line) : line;
}

function noticeIn(chat, notice) {
  if (!notice) return say('notice.unknown');
  const by = nameIn(chat, notice.by);
  const who = notice.members.map((address) => nameIn(chat, address));
  switch (notice.type) {
    case NoticeType.NAME:
      return say('notice.name', by, notice.text);
    case NoticeType.JOINED:
      return joined(notice, by, who);
    case NoticeType.LEFT:
      return say('notice.left', by);
    case NoticeType.REMOVED:
      return say('notice.removed', by, who);
    case NoticeType.DISBANDED:
      return say('notice.disbanded', by);
    case NoticeType.ALL_MUTED:
      return say(notice.value === 1 ? 'notice.all-muted' : 'notice.all-unmuted', by);
    case NoticeType.MUTED:
      return say('notice.muted', by, who);
    case NoticeType.OWNER:
      return say('notice.owner', by);
    default:
      return say('notice.unknown');
  }
}

// Somebody who comes without an invitation is named as their own inviter.
function joined({ by, members }, name, who) {
  return members.includes(by) ? say('notice.joined', who) : say('notice.added', name, who);
}
