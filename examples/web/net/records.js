// The HTTP calls about one conversation or one message: earlier messages, read marks, revoking.
//
// Not here: the pull of everything (api.js), when to call (../chat/).

import { Channel, readContent } from '../wire/bodies.js';
import { call, fromBase64 } from './http.js';

/** The most messages of a page. */
export const PAGE = 50;

/** A page of messages before `logId` (0: the newest), the newest first. */
export async function recordsBefore(token, { channelType, target }, logId) {
  const inGroup = channelType === Channel.TO_GROUP;
  const path = inGroup ? '/store/app/group-chat-record' : '/store/app/pri-chat-record';
  const which = inGroup ? { idStr: target } : { targetId: target };
  const body = { ...which, count: PAGE, logId: logId === 0 ? '' : String(logId) };
  const { records = [] } = await call(path, { body, token });
  return records.map((record) => ({
    channelType,
    logId: Number(record.logId),
    msgId: record.msgId,
    from: record.fromId,
    target: record.targetId,
    type: record.msgType,
    datetime: record.createTime,
    ...readContent(record.msgType, fromBase64(record.content)),
  }));
}

/** Withdraws a message. */
export async function revokeRecord(token, channelType, logId) {
  await call('/app/record/revoke', { body: { type: channelType, logId }, token });
}

/** Everything up to this message is read, in the conversation that it belongs to. */
export async function markRead(token, channelType, logId) {
  await call('/app/record/read', { body: { type: channelType, logId }, token });
}

/** How far this user has read, on any device: `[{ channelType, target, logId }]`. */
export async function readMarks(token) {
  const { sessions = [] } = await call('/app/record/unread', { token });
  return sessions.map(({ type, targetStr, readLogId }) => ({
    channelType: type,
    target: targetStr,
    logId: Number(readLogId),
  }));
}
