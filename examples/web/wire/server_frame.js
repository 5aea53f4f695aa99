// The frames that a server says, read and checked.
//
// Not here: what they change (../session/).

import {
  decodeError,
  decodeGap,
  decodeGoingAway,
  decodeRefusal,
  decodeRefused,
  decodeWelcome,
} from './control.js';
import { FIRST_OP, Op } from './op.js';
import { WireError } from './protobuf.js';

const STAMP_LEN = 8;
const OF_CLIENT = [Op.ACK, Op.SEND, Op.LEAVE];

/** What a frame of the server says, as `{ kind, ... }`; `unknown` is newer than this page. */
export function decodeServerFrame({ op, seq, ack, body }) {
  if (op < FIRST_OP || OF_CLIENT.includes(op)) throw new WireError(`op ${op} from a server`);
  switch (op) {
    case Op.WELCOME:
      return { kind: 'welcome', welcome: decodeWelcome(body) };
    case Op.REFUSED:
      return { kind: 'refused', refused: decodeRefused(body) };
    case Op.DELIVER:
      return { kind: 'deliver', seq: counted(seq), body };
    case Op.DELIVER_BEST_EFFORT:
      return { kind: 'bestEffort', body };
    case Op.DELIVER_LATEST:
      return { kind: 'latest', ...splitKey(body) };
    case Op.GAP:
      return { kind: 'gap', gap: decodeGap(seq, body) };
    case Op.SEND_REPLY:
      return { kind: 'sendReply', ack: counted(ack), body };
    case Op.REFUSAL:
      return { kind: 'refusal', ack: counted(ack), refusal: decodeRefusal(body) };
    case Op.ERROR:
      return { kind: 'error', error: decodeError(body) };
    case Op.GOING_AWAY:
      return { kind: 'goingAway', away: decodeGoingAway(body) };
    case Op.PING:
      return { kind: 'ping', stamp: stamp(body) };
    case Op.PONG:
      return { kind: 'pong', stamp: stamp(body) };
    default:
      return { kind: 'unknown' };
  }
}

function counted(number) {
  if (number === 0) throw new WireError('a number that counts from 1 is 0');
  return number;
}

// One byte of length, the key, and the application's body.
function splitKey(body) {
  const end = 1 + (body[0] ?? 0);
  if (end > body.length) throw new WireError('a delivery that is cut in its key');
  return { key: body.subarray(1, end), body: body.subarray(end) };
}

function stamp(body) {
  if (body.length < STAMP_LEN) throw new WireError(`a stamp of ${body.length} bytes`);
  return body.subarray(0, STAMP_LEN);
}
