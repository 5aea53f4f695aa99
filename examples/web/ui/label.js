// What a message says, in one line of text.

import { MsgType } from '../wire/bodies.js';

const LABELS = {
  [MsgType.SYSTEM]: 'System message',
  [MsgType.AUDIO]: 'Audio',
  [MsgType.IMAGE]: 'Picture',
  [MsgType.VIDEO]: 'Video',
  [MsgType.FILE]: 'File',
  [MsgType.CARD]: 'Card',
  [MsgType.NOTICE]: 'Something changed in this room',
  [MsgType.FORWARD]: 'Forwarded messages',
  [MsgType.RTC_CALL]: 'Call',
  [MsgType.TRANSFER]: 'Transfer',
  [MsgType.COLLECT]: 'Receipt',
  [MsgType.RED_PACKET]: 'Red packet',
  [MsgType.CONTACT_CARD]: 'Contact',
};

/** The text, or `{ label }` for what this page cannot show. */
export function contentOf({ type, text, revoked }) {
  if (revoked) return { label: 'Message withdrawn' };
  if (type !== MsgType.TEXT) return { label: LABELS[type] ?? 'Message of an unknown kind' };
  return text === null ? { label: 'Encrypted message' } : { text };
}

export function lineOf(record) {
  const { text, label } = contentOf(record);
  return text ?? label;
}
