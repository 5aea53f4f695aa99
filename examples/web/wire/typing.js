// Typing marks: the signal that somebody writes.
//
// Not here: how long one lasts (../chat/typing.js).

import { Fields, Writer } from './protobuf.js';

export const TYPING = 60;

const SIGNAL = 2;

/** The body of a mark on its way up. */
export function encodeTyping({ channelType, target, ended }) {
  const typing = new Writer().uint(1, channelType).string(2, target).uint(4, Number(ended));
  const signal = new Writer().uint(1, TYPING).bytes(2, typing.finish()).finish();
  return new Writer().uint(1, SIGNAL).bytes(2, signal).finish();
}

/** `{ channelType, target, from, ended, datetime }` of the signal's body. */
export function readTyping(body) {
  const fields = new Fields(body);
  return {
    channelType: fields.uint(1),
    target: fields.string(2),
    from: fields.string(3),
    ended: fields.bool(4),
    datetime: fields.uint(5),
  };
}
