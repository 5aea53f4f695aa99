// Frames: the 20-byte big-endian head and the body behind it.
//
// Not here: what a body means (bodies.js), which frame may come when (../net/link.js).

export const HEAD_LEN = 20;
export const MAX_BODY_LEN = 16384;

export const Op = Object.freeze({
  AUTH: 1,
  AUTH_REPLY: 2,
  HEARTBEAT: 3,
  HEARTBEAT_REPLY: 4,
  DISCONNECT: 5,
  SEND: 7,
  SEND_REPLY: 8,
  DELIVER: 9,
  DELIVER_ACK: 10,
});

const VERSION = 1;
const NO_BODY = new Uint8Array();

/** The peer, or the caller, broke the layout. */
export class FrameError extends Error {}

export function encodeFrame({ op, seq, ack = 0, body = NO_BODY }) {
  if (body.length > MAX_BODY_LEN) throw new FrameError(`body of ${body.length} bytes`);
  const bytes = new Uint8Array(HEAD_LEN + body.length);
  const head = new DataView(bytes.buffer);
  head.setInt32(0, bytes.length);
  head.setInt16(4, HEAD_LEN);
  head.setInt16(6, VERSION);
  head.setInt32(8, op);
  head.setInt32(12, seq);
  head.setInt32(16, ack);
  bytes.set(body, HEAD_LEN);
  return bytes;
}

/** All frames of one WebSocket message; usually one, but a server may join several. */
export function decodeFrames(message) {
  const frames = [];
  for (let at = 0; at < message.byteLength; ) {
    const left = message.byteLength - at;
    if (left < HEAD_LEN) throw new FrameError(`${left} bytes are no head`);
    const head = new DataView(message, at, HEAD_LEN);
    const packLen = head.getInt32(0);
    if (head.getInt16(4) !== HEAD_LEN) throw new FrameError('head length');
    if (packLen < HEAD_LEN || packLen > HEAD_LEN + MAX_BODY_LEN || packLen > left) {
      throw new FrameError(`packet length ${packLen} with ${left} bytes left`);
    }
    frames.push({
      op: head.getInt32(8),
      seq: head.getInt32(12),
      ack: head.getInt32(16),
      body: new Uint8Array(message, at + HEAD_LEN, packLen - HEAD_LEN),
    });
    at += packLen;
  }
  return frames;
}
