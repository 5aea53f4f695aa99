// One HTTP call: the envelope around every answer, and what can go wrong.
//
// Not here: which calls there are (api.js, groups.js, records.js).

const TIMEOUT_MS = 8000;

/**
 * A call failed. `code` is the server's reason, `status` that of HTTP, both 0 if it did not answer;
 * `demoOff`: this server hands out no demo tokens; asking again is useless.
 */
export class ApiError extends Error {
  constructor(message, { demoOff = false, refused = false, code = 0, status = 0 } = {}) {
    super(message);
    Object.assign(this, { demoOff, refused, code, status });
  }
}

/** The `data` of the answer. */
export async function call(path, { method = 'POST', body, token, demo = false }) {
  const headers = {};
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (token !== undefined) headers['FZM-SIGNATURE'] = token;
  const request = {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: 'no-store',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  };
  const envelope = await answerTo(path, request, demo);
  if (envelope.result !== 0) {
    const message = envelope.message || `refused with ${envelope.result}`;
    throw new ApiError(message, { refused: true, code: envelope.result });
  }
  return envelope.data ?? {};
}

async function answerTo(path, request, demo) {
  try {
    const response = await fetch(path, request);
    const { status } = response;
    if (demo && status === 404) throw new ApiError('demo mode is off', { demoOff: true, status });
    if (demo && status === 403) {
      throw new ApiError((await response.json()).message, { refused: true, status });
    }
    if (!response.ok) throw new ApiError(`the server answered ${status}`, { status });
    return await response.json();
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError('the server cannot be reached');
  }
}

/** The bytes of a base64 text. */
export function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
