// Golden frames; the page must write and read these very bytes.
const { FrameError, Op, decodeFrames, encodeFrame } = await import('/wire/frame.js');
const { decodeEndpointLogin, encodeAuth, encodeTextMessage } = await import('/wire/bodies.js');

const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const bytes = (text) => Uint8Array.from(text.match(/[0-9a-f]{2}/g), (pair) => parseInt(pair, 16));
const read = (text) => decodeFrames(bytes(text).buffer);
const refused = (text, what) => {
  try {
    read(text);
  } catch (error) {
    if (error instanceof FrameError) return;
  }
  throw new Error(`${what} is not refused`);
};

const login = { device: 4, username: 'alice', connType: 0, uuid: 'u-1', deviceName: 'mac' };
const auth = encodeFrame({ op: Op.AUTH, seq: 1, body: encodeAuth({ token: 'T', ...login }) });
equal(
  hex(auth),
  '0000003300140001000000010000000100000000' +
    '0a056474616c6b1201541a1308041205616c6963652a03752d3132036d6163',
  'authentication',
);
equal(
  hex(encodeFrame({ op: Op.HEARTBEAT, seq: 2 })),
  '0000001400140001000000030000000200000000',
  'heartbeat',
);
equal(
  hex(encodeFrame({ op: Op.DISCONNECT, seq: 5 })),
  '0000001400140001000000050000000500000000',
  'disconnect',
);
equal(
  hex(encodeFrame({ op: Op.DELIVER_ACK, seq: 4, ack: 7 })),
  '00000014001400010000000a0000000400000007',
  'acknowledgement',
);
const text = encodeTextMessage({
  channelType: 0,
  msgId: 'msg-1',
  from: '1AqutxNoVTtcWiVYpBtvficAgea1dYTddR',
  target: '1FKxgaEh5fuSm7a35BfUnKYAmradowpiTR',
  text: 'hi',
});
equal(
  hex(encodeFrame({ op: Op.SEND, seq: 3, body: text })),
  '0000006d00140001000000070000000300000000' +
    '12571a056d73672d3122223141717574784e6f56547463576956597042747666696341676561316459546464522a22' +
    '31464b7867614568356675536d376133354266556e4b59416d7261646f77706954523001' +
    '3a040a026869',
  'message',
);

const [accepted] = read('0000001400140001000000020000000100000000');
equal([accepted.op, accepted.seq, accepted.ack, accepted.body.length], [2, 1, 0, 0], 'accepted');
const [rejected] = read(
  '0000002c00140001000000020000000100000000' + '0a056465762d3210011a066950686f6e652080d095ffbc31',
);
equal(
  decodeEndpointLogin(rejected.body),
  { uuid: 'dev-2', device: 1, deviceName: 'iPhone', datetime: 1700000000000 },
  'rejected',
);

const beat = '000000180014000100000004000000020000000000000000';
equal(
  read(beat + '00000014001400010000000a0000000400000007').map(({ op, seq, ack, body }) => {
    return [op, seq, ack, body.length];
  }),
  [
    [4, 2, 0, 4],
    [10, 4, 7, 0],
  ],
  'two frames in one message',
);

refused('000000', 'half a head');
refused('0000001400100001000000040000000200000000', 'a head length of 16');
refused('0000001300140001000000040000000200000000', 'a packet shorter than its head');
refused('0000001800140001000000040000000200000000', 'a packet longer than its message');
refused('0000401500140001000000040000000200000000' + '00'.repeat(16385), 'a body too long');
refused(beat + '0000', 'a rest that is no head');
