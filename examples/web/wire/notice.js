// Notices: what happened in a group, as messages of its conversation.
//
// Not here: the message around it (bodies.js), its words (../ui/label.js).

import { Fields, WireError } from './protobuf.js';

export const NoticeType = Object.freeze({
  NAME: 0,
  JOINED: 1,
  LEFT: 2,
  REMOVED: 3,
  DISBANDED: 4,
  ALL_MUTED: 5,
  MUTED: 6,
  OWNER: 7,
});

const ABOUT_MEMBERS = [NoticeType.JOINED, NoticeType.REMOVED, NoticeType.MUTED];

/** `{ type, by, members, text, value }`, or null for one that cannot be read. */
export function readNotice(content) {
  try {
    const fields = new Fields(content);
    const type = fields.uint(1);
    const body = new Fields(fields.bytes(2));
    const notice = { type, by: body.string(2), members: [], text: '', value: 0 };
    if (ABOUT_MEMBERS.includes(type)) notice.members = body.strings(3);
    else if (type === NoticeType.ALL_MUTED) notice.value = body.uint(3);
    else notice.text = body.string(3);
    return notice;
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}
