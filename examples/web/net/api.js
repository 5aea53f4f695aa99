// The HTTP calls of the page: demo sign-in, who is there, and the pull of history.
//
// Not here: when to call them (session.js, ../ui/).

import { decodeDelivery } from '../wire/bodies.js';
import { WireError } from '../wire/protobuf.js';

const TIMEOUT_MS = 8000;

/** The largest page that `sync-record` gives; per kind (private, room). */
export const SYNC_COUNT = 1000;

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

/** The messages of this user after `start` (0: from the beginning of what the server gives). */
export async function syncRecords(token, start) {
  const body = start > 0 ? { count: SYNC_COUNT, start } : { count: SYNC_COUNT };
  const { records = [] } = await call('/app/record/sync-record', { method: 'POST', body, token });
  return records.flatMap((record) => {
    try {
      return [decodeDelivery(fromBase64(record)).message ?? []].flat();
    } catch (error) {
      if (error instanceof WireError) return [];
      throw error;
    }
  });
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
