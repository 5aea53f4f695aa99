// The HTTP calls of the page: demo sign-in, who is there, and the pull of history.
//
// Not here: when to call them (login.js, ../chat/).

import { decodeDelivery } from '../wire/bodies.js';
import { WireError } from '../wire/protobuf.js';

const TIMEOUT_MS = 8000;

/** The largest page that `sync-record` gives; per kind (private, room). */
const SYNC_COUNT = 1000;

/** A call failed. `demoOff`: this server hands out no demo tokens; asking again is useless. */
export class ApiError extends Error {
  constructor(message, { demoOff = false, refused = false } = {}) {
    super(message);
    this.demoOff = demoOff;
    this.refused = refused;
  }
}

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
  const answer = await call('/app/record/sync-record', { method: 'POST', body, token });
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

async function call(path, { method, body, token, demo = false }) {
  const headers = {};
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (token !== undefined) headers['FZM-SIGNATURE'] = token;
  let envelope;
  try {
    const response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (demo && response.status === 404) throw new ApiError('demo mode is off', { demoOff: true });
    if (demo && response.status === 403) {
      throw new ApiError((await response.json()).message, { refused: true });
    }
    if (!response.ok) throw new ApiError(`the server answered ${response.status}`);
    envelope = await response.json();
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError('the server cannot be reached');
  }
  if (envelope.result !== 0) {
    throw new ApiError(envelope.message || `refused with ${envelope.result}`, { refused: true });
  }
  return envelope.data ?? {};
}

function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
