// Marks of others, which fade, and one's own, which are not said too often.
const { Typing } = await import('/chat/typing.js');
const { encodeTyping } = await import('/wire/typing.js');
const { decodeDelivery } = await import('/wire/bodies.js');

{
  const typing = new Typing();
  equal(typing.heard(0, 'c', 'B', false), true, 'a new mark is shown');
  equal(typing.heard(3000, 'c', 'B', false), false, 'a repeat changes nothing to be drawn');
  equal(typing.heard(4000, 'c', 'C', false), true, 'another writer');
  equal(typing.writers(8999, 'c'), ['B', 'C'], 'both, as the repeat counts');
  equal(typing.fade(8999), 9000, 'the next fades then');
  equal(typing.writers(9000, 'c'), ['C'], 'a mark lasts six seconds');
  equal(typing.fade(9000), 10_000, 'and the other then');
  equal(typing.heard(9500, 'c', 'C', true), true, 'one that stops is not shown');
  equal(typing.fade(9500), null, 'nothing is left to fade');
  typing.heard(9600, 'c', 'B', false);
  typing.spoke('c', 'B');
  equal(typing.writers(9600, 'c'), [], 'a message ends the mark of its author');
  equal(typing.writers(9600, 'd'), [], 'another conversation');
}

{
  const typing = new Typing();
  let told = 0;
  for (let n = 0; n < 300; n += 1) if (typing.heard(0, `c${n}`, 'B', false)) told += 1;
  equal(told, 200, 'conversations are limited');
  told = 0;
  for (let n = 0; n < 30; n += 1) if (typing.heard(0, 'c1', `W${n}`, false)) told += 1;
  equal(told, 19, 'and so are writers, of whom one was there');
}

{
  const typing = new Typing();
  equal(typing.writes(0, 'c'), true, 'the first key is said');
  equal(typing.writes(2499, 'c'), false, 'the next ones are not');
  equal(typing.writes(2500, 'c'), true, 'until the mark would fade');
  equal(typing.writes(2600, 'd'), true, 'another conversation');
  equal(typing.stops(2700, 'c', { sent: false }), false, 'the first has faded from memory');
  equal(typing.stops(2700, 'd', { sent: false }), true, 'a draft that was cleared is said');
  equal(typing.stops(2800, 'd', { sent: false }), false, 'once');
  typing.writes(3000, 'd');
  equal(typing.stops(3100, 'd', { sent: true }), false, 'a message says it by itself');
  equal(typing.writes(3200, 'd'), true, 'and the next key begins anew');
}

const hex = (body) => [...body].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const mark = encodeTyping({ channelType: 1, target: '77', ended: true });
equal(hex(mark), '0802120c083c1208080112023737' + '2001', 'a mark on its way up');
const bytes = Uint8Array.from('0802120f083c120b0801120237371a01422807'.match(/../g), (pair) =>
  parseInt(pair, 16));
equal(
  decodeDelivery(bytes).signal,
  { type: 60, typing: { channelType: 1, target: '77', from: 'B', ended: false, datetime: 7 } },
  'a mark as it comes',
);
