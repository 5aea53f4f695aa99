// The HTTP calls of the page that concern everything: demo sign-in, who is there, and the pull.
//
// Not here: groups (groups.js), single conversations (records.js), when to call (login.js,
// ../chat/).

import { decodeDelivery } from '../wire/bodies.js';
import { WireError } from '../wire/protobuf.js';
import { call, fromBase64 } from './http.js';

/** The largest page that `sync-record` gives; per kind (private, room). */
const SYNC_COUNT = 1000;

/** A fresh token for that name's key: `{ address, token, room }`. Tokens live two minutes. */
export async function demoLogin(name) {
  return call('/demo/login', { method: 'POST', body: { name }, demo: true });
}

/** Everybody the server knows by name: `[{ name, address, online }]`. */
export async function demoPeople() {
  const { users = [], known = [] } = await call('/demo/online', { method: 'GET', demo: true });
  const people = new Map();
  for (const { name, address } of known) people.set(address, { name, address, online: false });
  for (const { name, address } of users) people.set(address, { name, address, online: true });
  return [...people.values()];
}

/**
 * The messages of this user after `start`; with 0 only the newest of them, as much as the server
 * gives at a time.
 */
export async function syncRecords(token, start) {
  const messages = [];
  for (let before; ; ) {
    const page = await syncPage(token, { start: start || undefined, before });
    messages.push(...page.messages);
    before = start > 0 && page.hasMore ? oldestOfBothKinds(page.messages) : undefined;
    if (before === undefined) return messages;
  }
}

async function syncPage(token, range) {
  const body = { count: SYNC_COUNT, ...range };
  const answer = await call('/app/record/sync-record', { body, token });
  const messages = (answer.records ?? []).flatMap((record) => {
    try {
      return [decodeDelivery(fromBase64(record)).message ?? []].flat();
    } catch (error) {
      if (error instanceof WireError) return [];
      throw error;
    }
  });
  return { messages, hasMore: answer.has_more ?? false };
}

// A page holds the newest of each kind, so that one kind may reach further back than the other:
// the next begins where the shorter one ends, and some messages come twice.
function oldestOfBothKinds(messages) {
  const oldest = new Map();
  for (const { channelType, logId } of messages) {
    oldest.set(channelType, Math.min(logId, oldest.get(channelType) ?? Infinity));
  }
  return oldest.size > 0 ? Math.max(...oldest.values()) : undefined;
}
