const { Outbox } = await import('/chat/outbox.js');

const flush = (outbox, firstSeq) => {
  const sent = [];
  for (let msgId = outbox.next(); msgId; msgId = outbox.next()) {
    outbox.sent(msgId, firstSeq + sent.length);
    sent.push(msgId);
  }
  return sent;
};

{
  const outbox = new Outbox();
  for (const msgId of ['a', 'b', 'a']) outbox.add(msgId);
  equal(flush(outbox, 2), ['a', 'b'], 'in order, each once');
  equal(outbox.has('a'), true, 'still under way');
  equal(outbox.answered(3), 'b', 'an answer is about its number');
  equal(outbox.answered(3) ?? null, null, 'a repeated answer');
  equal(outbox.answered(9) ?? null, null, 'an answer to nothing');
  outbox.add('c');
  outbox.restart();
  equal(flush(outbox, 1), ['a', 'c'], 'all again in the next session, in the old order');
  outbox.settle('c');
  equal([outbox.has('c'), outbox.answered(2) ?? null], [false, null], 'it came back otherwise');
}

{
  const outbox = new Outbox();
  const tries = () => Array.from({ length: 6 }, () => outbox.refusedForNow('a'));
  equal(tries(), [true, true, true, true, true, false], 'five times more');
  equal(outbox.refusedForNow('a'), true, 'a person may ask for more');
}
