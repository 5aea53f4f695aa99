// One message on the screen, with the mark of how far an own one came.

import { Channel } from '../wire/bodies.js';
import { addressing } from '../chat/history.js';
import { element, icon, setChildren, setText } from './dom.js';
import { contentOf } from './label.js';
import { exactTimeOf, timeOf } from './when.js';

const MARK_WORDS = {
  sending: 'Sending',
  sent: 'Sent',
  received: 'Received',
  failed: 'Not sent',
};

export function makeBubble(record, own) {
  const parts = {
    author: element('span', { className: 'author' }),
    text: element('p', { className: 'text' }),
    time: element('time'),
    mark: element('span', { className: 'mark' }),
  };
  const bubble = element(
    'li',
    { className: 'message', data: { msgId: record.msgId, from: record.from, own: String(own) } },
    parts.author,
    parts.text,
    element('span', { className: 'meta' }, parts.time, parts.mark),
  );
  bubble.parts = parts;
  return bubble;
}

/** `first` of a row by the same author; `author` is shown above it when not empty. */
export function updateBubble(bubble, record, { first, author }) {
  const { text: textNode, time, author: authorNode } = bubble.parts;
  bubble.dataset.first = String(first);
  bubble.dataset.logId = String(record.logId);
  setText(authorNode, author);
  authorNode.hidden = author === '';
  const { text, label } = contentOf(record);
  setText(textNode, text ?? label);
  textNode.classList.toggle('label', text === undefined);
  setText(time, timeOf(record.at));
  time.dateTime = new Date(record.at).toISOString();
  time.title = exactTimeOf(record.at);
  if (bubble.dataset.own === 'true') showMark(bubble, markOf(record));
}

/** How far an own message came; in a room nobody reports that it was received. */
export function markOf({ failed, logId, received, conversation }) {
  if (failed) return 'failed';
  if (logId === 0) return 'sending';
  const toPerson = addressing(conversation).channelType === Channel.TO_USER;
  return received && toPerson ? 'received' : 'sent';
}

function showMark(bubble, mark) {
  if (bubble.dataset.mark === mark) return;
  bubble.dataset.mark = mark;
  const words = MARK_WORDS[mark];
  const parts = [icon(mark), element('span', { className: 'visually-hidden' }, words)];
  if (mark === 'failed') {
    parts[1].className = '';
    parts.push(element('button', { type: 'button', className: 'retry' }, 'Try again'));
  }
  bubble.parts.mark.title = words;
  setChildren(bubble.parts.mark, parts);
}
