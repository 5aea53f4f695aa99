const { History, personId, roomId } = await import('/chat/history.js');
const { Reading } = await import('/chat/reading.js');

const bob = personId('B');
const from = (author, logId, msgId = `m${logId}`, rest = {}) => ({
  channelType: 0,
  logId,
  msgId,
  from: author,
  target: author === 'A' ? 'B' : 'A',
  type: 1,
  text: `text ${logId}`,
  datetime: 1000 + logId,
  ...rest,
});
const ids = (history, conversation = bob) => history.messages(conversation).map((m) => m.logId);
const stores = (writes) => writes.map(({ store }) => store);

{
  const history = new History('A');
  for (const logId of [30, 10, 20]) equal(history.deliver(from('B', logId)).length, 1, 'new');
  equal(ids(history), [10, 20, 30], 'the order is the order of the ids');
  equal(history.deliver(from('B', 20)), [], 'a message known by author and msgId');
  equal(history.deliver(from('B', 20, 'other')), [], 'a message known by its logId');
  equal(history.deliver(from('C', 40, 'm10')).length, 1, 'the same msgId of another author');
  equal(ids(history, personId('C')), [40], 'by its author');
  history.deliver(from('B', 50, 'r1', { channelType: 1, target: '7' }));
  equal(ids(history, roomId('7')), [50], 'a room has a conversation of its own');
}

{
  const history = new History('A');
  history.compose({ conversation: bob, msgId: 'x', text: 'mine', at: 5 });
  history.compose({ conversation: bob, msgId: 'y', text: 'also mine', at: 6 });
  history.deliver(from('B', 10));
  equal(ids(history), [10, 0, 0], 'unsent messages come last');
  equal(history.unconfirmed().map((m) => m.msgId), ['x', 'y'], 'in the order of writing');
  equal(stores(history.confirm('y', 9, 77)), ['messages'], 'confirmed by the reply');
  equal(ids(history), [9, 10, 0], 'a confirmed message moves to its place');
  equal(history.find('A', 'y').at, 77, 'the time is the time of the server');
  equal(history.confirm('y', 9, 77), [], 'confirmed twice');
  equal(history.deliver(from('A', 11, 'x')).length, 1, 'confirmed by its own echo');
  equal(ids(history), [9, 10, 11], 'the echo is no second message');
  equal(history.unconfirmed(), [], 'nothing is left');
}

{
  const history = new History('A');
  history.compose({ conversation: bob, msgId: 'x', text: 'mine', at: 5 });
  equal(stores(history.markReceived([9])), ['earlyMarks'], 'a mark may come before the id');
  equal(history.markReceived([9]), [], 'and again');
  equal(stores(history.confirm('x', 9, 1)), ['messages', 'earlyMarks'], 'then it is used');
  equal(history.find('A', 'x').received, true, 'and shows');
  equal(history.markReceived([9]), [], 'a mark that is there already');

  const again = new History('A', [], [12]);
  equal(stores(again.deliver(from('A', 12))), ['messages', 'earlyMarks'], 'kept over a restart');
  equal(again.find('A', 'm12').received, true, 'received');
}

{
  const history = new History('A');
  history.compose({ conversation: bob, msgId: 'x', text: 'mine', at: 5 });
  equal(stores(history.markFailed('x', true)), ['messages'], 'no answer');
  equal(history.markFailed('x', true), [], 'still none');
  history.confirm('x', 9, 1);
  equal(history.find('A', 'x').failed, false, 'a late answer heals');
  equal(history.markFailed('x', true), [], 'what is stored cannot fail');
  equal(stores(history.revoke(9)), ['messages'], 'withdrawn');
  equal(history.find('A', 'x').text, null, 'the text is gone');
  equal(history.revoke(9), [], 'withdrawn once');
}

{
  const kept = [30, 10, 20].map((logId) => ({ ...from('B', logId), conversation: bob }));
  const history = new History('A', kept);
  equal(ids(history), [10, 20, 30], 'what was kept is sorted');
  equal(history.pullStart(20, 1), 20, 'a pull starts at the cursor');
  equal(history.pullStart(30, 2), 20, 'or some messages before it');
  equal(history.pullStart(30, 4), 0, 'or at the beginning');
  equal(history.pullStart(0, 1), 0, 'the first time, too');
}

{
  const history = new History('A');
  const reading = new Reading('A');
  for (const logId of [10, 20, 30]) history.deliver(from(logId === 20 ? 'A' : 'B', logId));
  const unread = () => reading.unread(bob, history.messages(bob));
  equal(unread(), 2, 'own messages are read');
  equal(reading.readAll(bob, history.messages(bob)).length, 1, 'read');
  equal(unread(), 0, 'nothing is unread');
  equal(reading.readAll(bob, history.messages(bob)), [], 'read once');
  history.deliver(from('B', 40));
  history.compose({ conversation: bob, msgId: 'x', text: 'mine', at: 5 });
  equal(unread(), 1, 'the new one');
}
