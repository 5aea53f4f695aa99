const { Store } = await import('/chat/store.js');

const record = (msgId, text) => ({ from: 'A', msgId, text });

const store = await Store.open('test');
const order = [];
await Promise.all([
  store.write([{ store: 'messages', put: record('1', 'one') }]).then(() => order.push('first')),
  store.write([{ store: 'messages', put: record('2', 'two') }]).then(() => order.push('second')),
  store.write([]).then(() => order.push('nothing')),
  store
    .write([
      { store: 'messages', put: record('1', 'one, changed') },
      { store: 'earlyMarks', put: { logId: 7 } },
    ])
    .then(() => order.push('third')),
]);
equal(order, ['first', 'second', 'nothing', 'third'], 'writes end in the order of the calls');
await store.write([{ store: 'earlyMarks', remove: 7 }]);
store.close();

const again = await Store.open('test');
const kept = await again.load();
equal(kept.messages, [record('1', 'one, changed'), record('2', 'two')], 'kept');
equal(kept.earlyMarks, [], 'removed');

let failed = false;
await again.write([{ store: 'messages', put: { from: 'A' } }]).catch(() => (failed = true));
equal(failed, true, 'a write without its key fails');
await again.write([{ store: 'messages', put: record('3', 'three') }]);
equal((await again.load()).messages.length, 3, 'and harms none after it');
again.close();
