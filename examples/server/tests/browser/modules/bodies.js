// Golden bodies, and what a hostile or newer server may send.
const { decodeDelivery, decodeEndpointLogin, decodeSendReply, encodeLogin, encodeTextMessage } =
  await import('/wire/bodies.js');
const { Fields, WireError, Writer } = await import('/wire/protobuf.js');

const bytes = (text) => Uint8Array.from(text.match(/[0-9a-f]{2}/g), (pair) => parseInt(pair, 16));
const refused = (act, what) => {
  try {
    act();
  } catch (error) {
    if (error instanceof WireError) return;
    throw error;
  }
  throw new Error(`${what} is not refused`);
};

const hex = (body) => [...body].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const login = { device: 4, username: 'alice', connType: 0, uuid: 'u-1', deviceName: 'mac' };
equal(hex(encodeLogin(login)), '08041205616c6963652a03752d3132036d6163', 'login');
const text = encodeTextMessage({
  channelType: 0,
  msgId: 'msg-1',
  from: '1AqutxNoVTtcWiVYpBtvficAgea1dYTddR',
  target: '1FKxgaEh5fuSm7a35BfUnKYAmradowpiTR',
  text: 'hi',
});
equal(
  hex(text),
  '12571a056d73672d3122223141717574784e6f56547463576956597042747666696341676561316459546464522a22' +
    '31464b7867614568356675536d376133354266556e4b59416d7261646f77706954523001' +
    '3a040a026869',
  'message',
);
equal(
  decodeEndpointLogin(bytes('0a056465762d3210011a066950686f6e652080d095ffbc31')),
  { uuid: 'dev-2', device: 1, deviceName: 'iPhone', datetime: 1700000000000 },
  'another login',
);
equal(
  decodeSendReply(bytes('0801120a10e80740fbd095ffbc31')),
  { logId: 1000, datetime: 1700000000123 },
  'reply',
);

const message =
  '126110e8071a056d73672d3122223141717574784e6f56547463576956597042747666696341676561316459546464' +
  '522a2231464b7867614568356675536d376133354266556e4b59416d7261646f777069545230013a040a02686940' +
  'fbd095ffbc31';
equal(
  decodeDelivery(bytes(message)),
  {
    message: {
      channelType: 0,
      logId: 1000,
      msgId: 'msg-1',
      from: '1AqutxNoVTtcWiVYpBtvficAgea1dYTddR',
      target: '1FKxgaEh5fuSm7a35BfUnKYAmradowpiTR',
      type: 1,
      text: 'hi',
      datetime: 1700000000123,
    },
  },
  'delivery',
);
for (let length = 1; length < message.length / 2; length += 1) {
  const cut = bytes(message).subarray(0, length);
  refused(() => decodeDelivery(cut), `a delivery of ${length} bytes`);
}

equal(
  decodeDelivery(bytes('0802120c12060a04e807e907184d2001')),
  { signal: { type: 0, logIds: [1000, 1001] } },
  'received signal, packed',
);
equal(
  decodeDelivery(bytes('0802120a120608e80708e907184d')),
  { signal: { type: 0, logIds: [1000, 1001] } },
  'received signal, not packed',
);
equal(decodeDelivery(bytes('080212020863')), { signal: { type: 99 } }, 'unknown signal');
equal(decodeDelivery(bytes('08031200')), {}, 'unknown event');

const common = (logId) => {
  const fields = new Writer().uint(2, logId).string(3, 'm').string(4, 'A').string(5, 'B').uint(6, 1);
  return new Writer().bytes(2, fields.bytes(7, bytes('0a0468c3')).finish()).finish();
};
equal(decodeDelivery(common(7)).message.text, null, 'content that cannot be read');
equal(decodeDelivery(common(2 ** 53 - 1)).message.logId, 2 ** 53 - 1, 'the largest exact id');
refused(() => decodeDelivery(common(2 ** 53)), 'an id that is not exact');
refused(() => decodeDelivery(common(0)), 'a message without an id');
refused(() => new Fields(bytes('08' + 'ff'.repeat(10) + '01')), 'an integer of eleven bytes');
refused(() => new Fields(bytes('0b')), 'a group');
refused(() => new Fields(bytes('0801')).string(1), 'an integer read as a string');

const emoji = encodeTextMessage({ channelType: 1, msgId: 'm', from: 'A', target: '1', text: 'ö🌠' });
const sent = new Fields(new Fields(emoji).bytes(2));
equal(sent.uint(1), 1, 'the room has channel type 1');
equal(new Fields(sent.bytes(7)).string(1), 'ö🌠', 'text beyond ASCII');
