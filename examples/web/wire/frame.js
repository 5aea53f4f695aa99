// Frames: the 20-byte big-endian head and the body behind it.
//
// Not here: which ops there are (op.js), what a body means (client_frame.js, server_frame.js).

import { WireError } from './protobuf.js';

export const HEAD_LEN = 20;

const VERSION = 2;
const NO_BODY = new Uint8Array();

/** The layout is broken, by the server. */
export class FrameError extends WireError {}

export function encodeFrame({ op, seq = 0, ack = 0, body = NO_BODY }) {
  const bytes = new Uint8Array(HEAD_LEN + body.length);
  const head = new DataView(bytes.buffer);
  head.setUint32(0, bytes.length);
  head.setUint16(4, HEAD_LEN);
  head.setUint16(6, VERSION);
  head.setUint32(8, op);
  head.setUint32(12, seq);
  head.setUint32(16, ack);
  bytes.set(body, HEAD_LEN);
  return bytes;
}

/** All frames of one WebSocket message; a server may join several. */
export function decodeFrames(message, maxBody) {
  const frames = [];
  for (let at = 0; at < message.byteLength; ) {
    const left = message.byteLength - at;
    if (left < HEAD_LEN) throw new FrameError(`${left} bytes are no head`);
    const head = new DataView(message, at, HEAD_LEN);
    const packLen = head.getUint32(0);
    if (head.getUint16(4) !== HEAD_LEN) throw new FrameError('head length');
    if (packLen < HEAD_LEN || packLen > HEAD_LEN + maxBody || packLen > left) {
      throw new FrameError(`packet length ${packLen} with ${left} bytes left`);
    }
    frames.push({
      op: head.getUint32(8),
      seq: head.getUint32(12),
      ack: head.getUint32(16),
      body: new Uint8Array(message, at + HEAD_LEN, packLen - HEAD_LEN),
    });
    at += packLen;
  }
  return frames;
}
