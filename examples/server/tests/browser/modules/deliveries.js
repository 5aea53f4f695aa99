const { Deliveries } = await import('/session/deliveries.js');

const body = new Uint8Array(1);
const delivery = (seq, bytes = body) => ({ first: seq, last: seq, body: bytes });
const gap = (first, last) => ({ first, last, gap: { room: '' } });
const numbers = (arrivals) => arrivals.map(({ first, last }) => [first, last]);

{
  const deliveries = new Deliveries();
  const [one] = deliveries.handle(delivery(1));
  equal(deliveries.takeAck(), null, 'what is not settled is not acknowledged');
  const [two] = deliveries.handle(delivery(2));
  deliveries.settle(two);
  equal(deliveries.takeAck(), null, 'nor what is behind it');
  deliveries.settle(one);
  equal(deliveries.takeAck(), { upTo: 2, ranges: [] }, 'both at once');
  equal(deliveries.takeAck(), null, 'nothing new to say');

  equal(deliveries.handle(delivery(2)), [], 'a repeat');
  equal(deliveries.takeAck(), { upTo: 2, ranges: [] }, 'acknowledged again');
  const [three] = deliveries.handle(delivery(3));
  equal(deliveries.handle(delivery(3)), [], 'a repeat of what is being stored');
  equal(deliveries.takeAck(), { upTo: 2, ranges: [] }, 'which is no reason to promise it');
  deliveries.settle(three);
  deliveries.settle(delivery(4));
  equal(deliveries.takeAck(), { upTo: 3, ranges: [] }, 'nobody can settle what did not arrive');
}

{
  const deliveries = new Deliveries();
  for (const seq of [6, 3, 4, 3]) equal(deliveries.handle(delivery(seq)), [], `${seq} is early`);
  equal(
    deliveries.takeAck(),
    { upTo: 0, ranges: [{ first: 3, last: 4 }, { first: 6, last: 6 }] },
    'what is early is listed',
  );
  const turn = deliveries.handle(gap(1, 2));
  equal(numbers(turn), [[1, 2], [3, 3], [4, 4]], 'in order, and each once');
  for (const arrival of turn) deliveries.settle(arrival);
  equal(deliveries.takeAck(), { upTo: 4, ranges: [{ first: 6, last: 6 }] }, 'as far as it goes');
}

{
  const deliveries = new Deliveries();
  deliveries.handle(delivery(3));
  deliveries.handle(delivery(5));
  equal(numbers(deliveries.handle(gap(1, 4))), [[1, 4], [5, 5]], 'a gap takes what is within it');
  equal(numbers(deliveries.handle(gap(2, 7))), [[6, 7]], 'the rest of a gap counts');
  equal(numbers(deliveries.handle(gap(6, 7))), [], 'a gap comes again until it is acknowledged');
}

{
  const deliveries = new Deliveries();
  deliveries.handle(gap(1, 2 ** 31 - 1));
  deliveries.handle(gap(2 ** 31, 4_294_967_294));
  equal(deliveries.handle(delivery(1)), [], 'early, beyond the wrap');
  const [last, first] = deliveries.handle(delivery(4_294_967_295));
  equal([last.last, first.first], [4_294_967_295, 1], 'round the circle');
}

{
  const deliveries = new Deliveries();
  const half = new Uint8Array(1 << 19);
  for (const seq of [3, 5, 7]) deliveries.handle(delivery(seq, half));
  equal(
    deliveries.takeAck().ranges.map(({ first }) => first),
    [3, 5],
    'what does not fit is not listed, so that it comes again',
  );
  const full = new Deliveries();
  for (let seq = 2; seq < 300; seq += 1) full.handle(delivery(seq));
  equal(full.takeAck().ranges, [{ first: 2, last: 257 }], 'no more than are kept');
}
