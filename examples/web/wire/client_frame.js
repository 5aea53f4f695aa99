// The frames that a client says, as bytes.
//
// Not here: when to say them (../session/).

import { encodeAuth } from './control.js';
import { encodeFrame } from './frame.js';
import { Op } from './op.js';
import { encodeRanges } from './ranges.js';

const STAMP_LEN = 8;

/** Asks for a session; `seq` comes back in the answer. */
export function authFrame(seq, auth) {
  return encodeFrame({ op: Op.AUTH, seq, body: encodeAuth(auth) });
}

/** Everything up to `upTo` has arrived, and `ranges` beyond. */
export function ackFrame({ upTo, ranges }) {
  return encodeFrame({ op: Op.ACK, ack: upTo, body: encodeRanges(upTo, ranges) });
}

/** The application's message; every answer up to `answered` has arrived. */
export function sendFrame({ seq, answered, body }) {
  return encodeFrame({ op: Op.SEND, seq, ack: answered, body });
}

/** `stamp` is eight bytes of the sender's; the round trip is left out as long as it is 0. */
export function pingFrame(stamp, roundTripUs) {
  if (roundTripUs === 0) return encodeFrame({ op: Op.PING, body: stamp });
  const body = new Uint8Array(STAMP_LEN + 4);
  body.set(stamp);
  new DataView(body.buffer).setUint32(STAMP_LEN, roundTripUs);
  return encodeFrame({ op: Op.PING, body });
}

export function pongFrame(stamp) {
  return encodeFrame({ op: Op.PONG, body: stamp });
}

/** Ends the session for good. */
export function leaveFrame() {
  return encodeFrame({ op: Op.LEAVE });
}
