// One message on the screen: its text, the mark of how far an own one came, and what can be done.
//
// Not here: the rows between them (thread.js), the line in the list (label.js).

import { Channel } from '../wire/bodies.js';
import { addressing } from '../chat/history.js';
import { say } from '../words/words.js';
import { element, icon, setChildren, setText } from './dom.js';
import { reasonOfCode } from './reason.js';
import { exactTimeOf, timeOf } from './when.js';

export function makeBubble(record, own) {
  const parts = {
    author: element('span', { className: 'author' }),
    text: element('p', { className: 'text' }),
    time: element('time'),
    mark: element('span', { className: 'mark' }),
    revoke: element('button', { type: 'button', className: 'revoke' }, icon('revoke')),
  };
  const bubble = element(
    'li',
    { className: 'message', data: { msgId: record.msgId, from: record.from, own: String(own) } },
    parts.author,
    parts.text,
    element('span', { className: 'meta' }, parts.time, parts.mark),
    parts.revoke,
  );
  bubble.parts = parts;
  return bubble;
}

/** A line about the group, in the middle. */
export function makeEvent(record) {
  const text = element('p', { className: 'text' });
  const event = element('li', { className: 'event', data: { logId: String(record.logId) } }, text);
  event.parts = { text };
  return event;
}

/**
 * `content` is what it says; `first` of a row by the same author, who is shown above it when
 * `author` is not empty; `mayRevoke` offers to withdraw it.
 */
export function updateBubble(bubble, record, { content, first, author, mayRevoke }) {
  const { text: textNode, time, author: authorNode, revoke } = bubble.parts;
  bubble.dataset.first = String(first);
  bubble.dataset.logId = String(record.logId);
  setText(authorNode, author);
  authorNode.hidden = author === '';
  const { text, label } = content;
  setText(textNode, text ?? label);
  textNode.classList.toggle('label', text === undefined);
  setText(time, timeOf(record.at));
  time.dateTime = new Date(record.at).toISOString();
  time.title = exactTimeOf(record.at);
  revoke.hidden = !mayRevoke;
  if (mayRevoke) {
    revoke.ariaLabel = `${say('message.revoke')}: ${text ?? label}`;
    revoke.title = say('message.revoke');
  }
  if (bubble.dataset.own === 'true') showMark(bubble, markOf(record), record.code ?? 0);
}

/** How far an own message came; in a room nobody reports that it was received. */
export function markOf({ failed, logId, received, conversation }) {
  if (failed) return 'failed';
  if (logId === 0) return 'sending';
  const toPerson = addressing(conversation).channelType === Channel.TO_USER;
  return received && toPerson ? 'received' : 'sent';
}

function showMark(bubble, mark, code) {
  const reason = mark === 'failed' && code !== 0 ? reasonOfCode(code, '') : '';
  const words = reason === '' ? say(`mark.${mark}`) : say('mark.failed-because', reason);
  if (bubble.dataset.mark === mark && bubble.parts.mark.title === words) return;
  bubble.dataset.mark = mark;
  const parts = [icon(mark), element('span', { className: 'visually-hidden' }, words)];
  if (mark === 'failed') {
    parts[1].className = 'why';
    parts.push(element('button', { type: 'button', className: 'retry' }, say('mark.retry')));
  }
  bubble.parts.mark.title = words;
  setChildren(bubble.parts.mark, parts);
}
