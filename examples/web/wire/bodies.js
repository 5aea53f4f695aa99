// The chat's own messages, which the session carries as opaque bytes; and the device's login.
//
// Not here: bytes of fields (protobuf.js), frames (frame.js), what to do about them (../chat/).

import { readNotice } from './notice.js';
import { Fields, WireError, Writer } from './protobuf.js';
import { TYPING, readTyping } from './typing.js';

export const APP_ID = 'dtalk';

export const Device = Object.freeze({
  ANDROID: 0,
  IOS: 1,
  WINDOWS: 2,
  LINUX: 3,
  MAC_OS: 4,
  WEB: 5,
});

export const ConnType = Object.freeze({ CONNECT: 0, RECONNECT: 1 });

export const Channel = Object.freeze({ TO_USER: 0, TO_GROUP: 1 });

export const MsgType = Object.freeze({
  SYSTEM: 0,
  TEXT: 1,
  AUDIO: 2,
  IMAGE: 3,
  VIDEO: 4,
  FILE: 5,
  CARD: 6,
  NOTICE: 7,
  FORWARD: 8,
  RTC_CALL: 9,
  TRANSFER: 10,
  COLLECT: 11,
  RED_PACKET: 12,
  CONTACT_CARD: 13,
});

export const SignalType = Object.freeze({ RECEIVED: 0, REVOKE: 1, ENDPOINT_LOGIN: 14, TYPING });

// Members, settings, roles and mutes of a group.
const OF_GROUPS = [10, 11, 12, 20, 21, 22, 23, 24, 25, 26];

/** Whether a signal says that something about a group has changed. */
export function isAboutGroups({ type }) {
  return OF_GROUPS.includes(type);
}

const EventType = Object.freeze({ COMMON: 0, COMMON_ACK: 1, SIGNAL: 2 });

/** Only phones are limited to one per user, get replays, and count for the received mark. */
export function isPhone(device) {
  return device === Device.ANDROID || device === Device.IOS;
}

/** Which device asks for a session, beside its user's token. */
export function encodeLogin({ device, username, connType, uuid, deviceName }) {
  return new Writer()
    .uint(1, device)
    .string(2, username)
    .uint(4, connType)
    .string(5, uuid)
    .string(6, deviceName)
    .finish();
}

/** The body of a text message on its way up; the server fills in logId and datetime. */
export function encodeTextMessage({ channelType, msgId, from, target, text }) {
  const content = new Writer().string(1, text).finish();
  const common = new Writer()
    .uint(1, channelType)
    .string(3, msgId)
    .string(4, from)
    .string(5, target)
    .uint(6, MsgType.TEXT)
    .bytes(7, content)
    .finish();
  return new Writer().uint(1, EventType.COMMON).bytes(2, common).finish();
}

/** The answer to a message: the id and the time of the server. */
export function decodeSendReply(body) {
  const { eventType, inner } = decodeProto(body);
  if (eventType !== EventType.COMMON_ACK) throw new WireError(`event type ${eventType} in a reply`);
  return { logId: exactId(inner, 2), datetime: inner.uint(8) };
}

/** A delivery, or one record of a pull: `{ message }`, `{ signal }`, or neither. */
export function decodeDelivery(body) {
  const { eventType, inner } = decodeProto(body);
  if (eventType === EventType.COMMON) return { message: readCommon(inner) };
  if (eventType === EventType.SIGNAL) return { signal: readSignal(inner) };
  return {};
}

/** The device that took over: what a refused login says, and signal 14. */
export function decodeEndpointLogin(body) {
  const fields = new Fields(body);
  return {
    uuid: fields.string(1),
    device: fields.uint(2),
    deviceName: fields.string(3),
    datetime: fields.uint(4),
  };
}

function decodeProto(body) {
  const fields = new Fields(body);
  return { eventType: fields.uint(1), inner: new Fields(fields.bytes(2)) };
}

function readCommon(fields) {
  const type = fields.uint(6);
  return {
    channelType: fields.uint(1),
    logId: exactId(fields, 2),
    msgId: fields.string(3),
    from: fields.string(4),
    target: fields.string(5),
    type,
    ...readContent(type, fields.bytes(7)),
    datetime: fields.uint(8),
  };
}

/** The content of a message as `{ text }`, null if it is none, and `{ notice }` of notices. */
export function readContent(type, content) {
  if (type === MsgType.NOTICE) return { text: null, notice: readNotice(content) };
  return { text: type === MsgType.TEXT ? readText(content) : null };
}

// Other clients may encrypt the content; that is no reason to lose the message around it.
function readText(content) {
  try {
    return new Fields(content).string(1);
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}

function readSignal(fields) {
  const type = fields.uint(1);
  const body = fields.bytes(2);
  if (type === SignalType.RECEIVED) return { type, logIds: new Fields(body).uints(1) };
  if (type === SignalType.REVOKE) return { type, logId: exactId(new Fields(body), 1) };
  if (type === SignalType.ENDPOINT_LOGIN) return { type, login: decodeEndpointLogin(body) };
  if (type === SignalType.TYPING) return { type, typing: readTyping(body) };
  return { type };
}

function exactId(fields, field) {
  const id = fields.uint(field);
  if (!Number.isSafeInteger(id) || id === 0) throw new WireError(`id ${id} is not exact`);
  return id;
}
