const { Outbox } = await import('/chat/outbox.js');

const flush = (outbox, now, firstSeq) => {
  const sent = [];
  for (let msgId = outbox.next(); msgId; msgId = outbox.next()) {
    outbox.sent(msgId, firstSeq + sent.length, now);
    sent.push(msgId);
  }
  return sent;
};

{
  const outbox = new Outbox();
  for (const msgId of ['a', 'b', 'a']) outbox.add(msgId);
  equal(flush(outbox, 0, 2), ['a', 'b'], 'in order, each once');
  equal(outbox.bySeq(3), 'b', 'a reply is about its seq');
  equal(outbox.bySeq(9) ?? null, null, 'a reply about nothing');
  outbox.settle('b');
  equal(outbox.bySeq(3) ?? null, null, 'a repeated reply');
  equal(outbox.overdue(4999), { repeat: [], failed: [] }, 'not yet');
  equal(outbox.overdue(5000), { repeat: [{ msgId: 'a', seq: 2 }], failed: [] }, 'again, same seq');
  equal(outbox.overdue(9999), { repeat: [], failed: [] }, 'not yet again');
  outbox.add('c');
  equal(flush(outbox, 10_000, 4), ['c'], 'a silent message holds nobody up');
  outbox.linkLost();
  equal(flush(outbox, 11_000, 2), ['a', 'c'], 'all again on the next link, in the old order');
}

{
  const outbox = new Outbox();
  outbox.add('a');
  flush(outbox, 0, 2);
  for (let turn = 1; turn < 6; turn += 1) {
    equal(outbox.overdue(turn * 5000).repeat.length, 1, `repeat ${turn}`);
  }
  equal(outbox.overdue(30_000), { repeat: [], failed: ['a'] }, 'six times without an answer');
  equal(outbox.has('a'), false, 'given up');
}

{
  const outbox = new Outbox();
  for (let at = 0; at < 20; at += 1) outbox.add(`m${at}`);
  equal(flush(outbox, 0, 1).length, 16, 'no more than a window at once');
  outbox.settle('m0');
  equal(flush(outbox, 0, 17), ['m16'], 'one out, one in');
}
