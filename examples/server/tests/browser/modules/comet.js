// The dialect's vectors: the page must write and read these very bytes. `vectors` and `broken` are
// the files from which the protocol's own tests are made.
const { decodeFrames, encodeFrame } = await import('/wire/frame.js');
const { decodeServerFrame } = await import('/wire/server_frame.js');
const say = await import('/wire/client_frame.js');
const { WireError } = await import('/wire/protobuf.js');

const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const refused = (read, what) => {
  try {
    read();
  } catch (error) {
    if (error instanceof WireError) return;
    throw error;
  }
  throw new Error(`${what} is not refused`);
};

const auth = {
  appId: 'dtalk',
  token: 'T',
  ext: bytes(''),
  capabilities: 3,
  clientName: 'web',
  clientVersion: '1.2',
  ticket: bytes(''),
  lastSeq: 0,
  ranges: bytes(''),
  firstSend: 1,
  maxBody: 1 << 20,
};
const resume = { ticket: bytes('a1b2c3d4'), lastSeq: 10, ranges: bytes('02020501'), firstSend: 5 };
const stamp = bytes('0102030405060708');
const several = [
  { first: 13, last: 14 },
  { first: 20, last: 20 },
];
const said = {
  'comet auth, new session': say.authFrame(1, auth),
  'comet auth, resume': say.authFrame(1, { ...auth, ...resume }),
  ack: say.ackFrame({ upTo: 10, ranges: [] }),
  'ack with ranges': say.ackFrame({ upTo: 10, ranges: several }),
  'ack with ranges across the wrap': say.ackFrame({
    upTo: 4294967294,
    ranges: [{ first: 1, last: 2 }],
  }),
  'ack with a long range': say.ackFrame({ upTo: 0, ranges: [{ first: 2, last: 301 }] }),
  'comet send': say.sendFrame({ seq: 5, answered: 4, body: bytes('6869') }),
  ping: say.pingFrame(stamp, 0),
  'ping with an estimate': say.pingFrame(stamp, 25_000),
  'pong of the client': say.pongFrame(bytes('ffffffffffffffff')),
  leave: say.leaveFrame(),
};
const ofClients = vectors.filter(({ from }) => from === 'client');
equal(ofClients.map(({ name }) => name).sort(), Object.keys(said).sort(), 'all that clients say');
for (const { name, hex: expected } of ofClients) equal(hex(said[name]), expected, name);

const welcome = {
  session: 70_001,
  epoch: 1,
  resumed: false,
  ticket: 'a1b2c3d4',
  ticketTtlMs: 120_000,
  accepted: 0,
  capabilities: 3,
  heartbeatMs: 30_000,
  maxBody: 16_384,
  sendWindow: 64,
  deliverWindow: 256,
  loss: 0,
  body: '',
};
const resumed = { epoch: 2, resumed: true, ticket: 'a1b2c3d5', accepted: 6 };
const expired = {
  session: 70_002,
  ticket: 'b0b1',
  accepted: 4,
  capabilities: 1,
  heartbeatMs: 0,
  loss: 1,
  body: '6869',
};
const failure = { code: 0, text: '', retryable: false, returnAfterMs: 0 };
const gap = { from: 0, to: 0, count: 0, reason: 0, room: '', position: 0 };
const heard = {
  'welcome, new session': { kind: 'welcome', welcome },
  'welcome, resumed': { kind: 'welcome', welcome: { ...welcome, ...resumed } },
  'welcome, ticket expired': { kind: 'welcome', welcome: { ...welcome, ...expired } },
  refused: {
    kind: 'refused',
    refused: { ...failure, code: 5, text: 'token expired', body: '0102' },
  },
  'refused, come back later': {
    kind: 'refused',
    refused: { ...failure, code: 8, retryable: true, returnAfterMs: 5000, body: '' },
  },
  'comet deliver': { kind: 'deliver', seq: 7, body: '68656c6c6f' },
  'deliver, last number before the wrap': { kind: 'deliver', seq: 4_294_967_295, body: '' },
  'deliver best effort': { kind: 'bestEffort', body: '68656c6c6f' },
  // The page asks for no datagrams: a count tells it nothing.
  'deliver best effort, counted': { kind: 'bestEffort', body: '68656c6c6f' },
  'deliver latest, counted': { kind: 'latest', key: '747970696e673a31', body: '796573' },
  'deliver latest': { kind: 'latest', key: '747970696e673a31', body: '796573' },
  'deliver latest, empty key': { kind: 'latest', key: '', body: '796573' },
  gap: {
    kind: 'gap',
    gap: { ...gap, from: 12, to: 14, count: 3, reason: 1, room: 'g-7', position: 9001 },
  },
  'gap across the wrap': {
    kind: 'gap',
    gap: { ...gap, from: 4294967294, to: 2, count: 4, reason: 1, room: 'g-7' },
  },
  'gap of one number': { kind: 'gap', gap: { ...gap, from: 15, to: 15, count: 40, reason: 3 } },
  'gap of best effort deliveries': {
    kind: 'gap',
    gap: { ...gap, count: 12, reason: 1, room: 'g-7' },
  },
  'comet send reply': { kind: 'sendReply', ack: 5, body: '6f6b' },
  refusal: {
    kind: 'refusal',
    ack: 5,
    refusal: { code: -10_024, text: 'not the owner', retryable: false },
  },
  'refusal, later': { kind: 'refusal', ack: 5, refusal: { code: 15, text: '', retryable: true } },
  error: {
    kind: 'error',
    error: { ...failure, code: 4, text: 'number 9 after 6', retryable: true },
  },
  'error, replaced': { kind: 'error', error: { ...failure, code: 12 } },
  'error, slow': {
    kind: 'error',
    error: { ...failure, code: 10, retryable: true, returnAfterMs: 250 },
  },
  'going away': {
    kind: 'goingAway',
    away: { reason: 1, returnAfterMs: 1500, mayResume: true, ticket: '' },
  },
  pong: { kind: 'pong', stamp: '0102030405060708' },
  'ping of the server': { kind: 'ping', stamp: 'ffffffffffffffff' },
};
const readable = (value) => {
  if (value instanceof Uint8Array) return hex(value);
  if (typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, readable(part)]));
};
const sorted = (value) => {
  if (typeof value !== 'object') return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key])]));
};
const read = (encoded) => decodeFrames(bytes(encoded).buffer, 16_384).map(decodeServerFrame);
const ofServers = vectors.filter(({ from }) => from === 'server');
equal(ofServers.map(({ name }) => name).sort(), Object.keys(heard).sort(), 'all that servers say');
for (const { name, hex: encoded } of ofServers) {
  const [frame] = read(encoded);
  equal(sorted(readable(frame)), sorted(heard[name]), name);
}
equal(
  read(ofServers.map(({ hex: encoded }) => encoded).join('')).length,
  ofServers.length,
  'several packets in one message',
);

for (const { name, hex: encoded } of broken.filter(({ from }) => from === 'server')) {
  refused(() => read(encoded), name);
}
equal(read('0000001400140002000000630000000000000000'), [{ kind: 'unknown' }], 'a newer op');

const pong = '0000001c001400020000002d00000000000000000102030405060708';
refused(() => read('000000'), 'half a head');
refused(() => read('0000001400100002000000220000000200000000'), 'a head length of 16');
refused(() => read('0000001300140002000000220000000200000000'), 'a packet shorter than its head');
refused(() => read('0000001800140002000000220000000200000000'), 'a packet longer than its message');
refused(
  () => read('0000401500140002000000220000000200000000' + '00'.repeat(16_385)),
  'a body that is too long',
);
refused(() => read(pong + '0000'), 'a rest that is no head');

const many = Array.from({ length: 40 }, (_, at) => ({ first: 2 + at * 2, last: 2 + at * 2 }));
const ack = say.ackFrame({ upTo: 0, ranges: many });
equal(ack.length, 20 + 64, 'no more than 32 ranges');
const far = [{ first: 2 ** 31, last: 2 ** 31 }];
equal(say.ackFrame({ upTo: 0, ranges: far }).length, 20, 'no range that reaches too far');
const round = say.ackFrame({ upTo: 4_294_967_294, ranges: [{ first: 1, last: 2 }] });
equal(hex(round.subarray(20)), '0202', 'a range beyond the wrap, with the place of 0 missing');
