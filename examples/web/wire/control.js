// The bodies of the session's own frames; each is a protobuf message with bounds.
//
// Fields that are not known are skipped, so that the server may be newer than this page.
//
// Not here: which op has which body (client_frame.js, server_frame.js), what follows from them
// (../session/).

import { Fields, WireError, Writer } from './protobuf.js';
import { NONE, since } from './seq.js';

/** What a client or a server can do, as bits. */
export const Capability = Object.freeze({ RESUME: 1, LATEST: 2 });

/** Codes that this page tells apart; whether to come back stands beside them. */
export const Code = Object.freeze({ REPLACED: 12 });

const CONTROL_BODY = 8192;
const TICKET = 512;
const OPAQUE_BODY = 4096;
const TEXT = 256;
const ROOM = 256;
const HALF_CIRCLE = 2 ** 31;

export function encodeAuth(auth) {
  return new Writer()
    .string(1, auth.appId)
    .string(2, auth.token)
    .bytes(3, auth.ext)
    .uint(16, auth.capabilities)
    .string(17, auth.clientName)
    .string(18, auth.clientVersion)
    .bytes(19, auth.ticket)
    .uint(20, auth.lastSeq)
    .bytes(21, auth.ranges)
    .uint(22, auth.firstSend)
    .uint(23, auth.maxBody)
    .finish();
}

export function decodeWelcome(body) {
  const fields = control(body);
  return {
    session: fields.uint(1),
    epoch: fields.uint(2),
    resumed: fields.bool(3),
    ticket: limited(fields.bytes(4), TICKET),
    ticketTtlMs: fields.uint(5),
    accepted: fields.uint(6),
    capabilities: fields.uint(7),
    heartbeatMs: fields.uint(8),
    maxBody: fields.uint(9),
    sendWindow: fields.uint(10),
    deliverWindow: fields.uint(11),
    loss: fields.uint(12),
    body: limited(fields.bytes(13), OPAQUE_BODY),
  };
}

/** A refused auth: as an error, and the application's reason in `body`. */
export function decodeRefused(body) {
  const fields = control(body);
  return { ...failure(fields), body: limited(fields.bytes(5), OPAQUE_BODY) };
}

export function decodeError(body) {
  return failure(control(body));
}

export function decodeRefusal(body) {
  const fields = control(body);
  return { code: fields.sint(1), text: text(fields, 2), retryable: fields.bool(3) };
}

/** Deliveries that never come, the last of them numbered `to`, or 0 if they had no numbers. */
export function decodeGap(to, body) {
  const fields = control(body);
  const from = fields.uint(1) || to;
  const backwards = since(to, from) >= HALF_CIRCLE || (to === NONE && from !== NONE);
  if (backwards) throw new WireError(`a gap from ${from} to ${to}`);
  return {
    from,
    to,
    count: fields.uint(2),
    reason: fields.uint(3),
    room: text(fields, 4, ROOM),
    position: fields.uint(5),
  };
}

/** The connection will end; a ticket that is not empty is to be shown instead of the last one. */
export function decodeGoingAway(body) {
  const fields = control(body);
  return {
    reason: fields.uint(1),
    returnAfterMs: fields.uint(2),
    mayResume: fields.bool(3),
    ticket: limited(fields.bytes(4), TICKET),
  };
}

function failure(fields) {
  return {
    code: fields.sint(1),
    text: text(fields, 2),
    retryable: fields.bool(3),
    returnAfterMs: fields.uint(4),
  };
}

function control(body) {
  return new Fields(limited(body, CONTROL_BODY));
}

function text(fields, field, limit = TEXT) {
  limited(fields.bytes(field), limit);
  return fields.string(field);
}

function limited(bytes, limit) {
  if (bytes.length > limit) throw new WireError(`${bytes.length} bytes, more than ${limit}`);
  return bytes;
}
