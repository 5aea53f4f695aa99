const { Messages } = await import('/session/messages.js');

const body = (text) => new TextEncoder().encode(text);
const sent = (messages, now) => {
  const all = [];
  for (let at = messages.takeMessage(now); at; at = messages.takeMessage(now)) {
    all.push([at.seq, at.answered]);
  }
  return all;
};

{
  const messages = new Messages();
  for (const text of ['a', 'b', 'c', 'd']) messages.push(body(text));
  equal(sent(messages, 0), [], 'nothing without a connection');
  messages.handleOpen(0, 0, 2);
  equal(sent(messages, 0), [[1, 0], [2, 0]], 'no more than the window');
  equal(messages.handleAnswer(0, 1), true, 'answered');
  equal(messages.handleAnswer(0, 1), false, 'answered once');
  equal(messages.handleAnswer(0, 9), false, 'an answer to nothing');
  equal(sent(messages, 0), [[3, 1]], 'one out, one in');
  equal(messages.first, 2, 'the first without an answer');

  messages.handleOpen(0, 2, 8);
  equal(sent(messages, 0), [[3, 1], [4, 1]], 'what the server has is not sent again');
  messages.handleOpen(0, 1, 8);
  equal(sent(messages, 0), [[2, 1], [3, 1], [4, 1]], 'a new session gets the rest, without holes');
}

{
  const messages = new Messages();
  messages.push(body('a'));
  messages.push(body('b'));
  messages.handleOpen(0, 0, 8);
  sent(messages, 0);
  equal(messages.retryAt, 15_000, 'patience');
  equal(sent(messages, 15_000), [[1, 0]], 'the oldest again');
  equal(messages.retryAt, 45_000, 'after ever longer waits');
  messages.handleAnswer(20_000, 2);
  equal(sent(messages, 45_000), [[1, 0]], 'the other was answered');
  messages.handleAnswer(46_000, 1);
  equal([messages.retryAt, messages.first], [null, 3], 'nothing is open');
}

{
  const messages = new Messages();
  const numbers = Array.from({ length: 65 }, () => messages.push(body('x')));
  equal(numbers.slice(62), [63, 64, null], 'no more than are kept');
}
