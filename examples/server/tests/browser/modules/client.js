// The session against a server that says what the script says, on a clock that the script sets.
const { ClientSession } = await import('/session/client.js');
const { decodeFrames, encodeFrame } = await import('/wire/frame.js');
const { Op } = await import('/wire/op.js');
const { Fields, Writer } = await import('/wire/protobuf.js');

const who = { appId: 'dtalk', token: 'T', ext: new Uint8Array() };
const bytes = (text) => new TextEncoder().encode(text);
const text = (body) => new TextDecoder().decode(body);
const names = new Map(Object.entries(Op).map(([name, op]) => [op, name]));

// Both ends of one session. The waits are the longest that may be drawn.
class Talk {
  link = 0;
  now = 0;
  log = [];

  constructor() {
    this.session = new ClientSession(this.now, () => 1);
    this.events();
  }

  // What the client has written, as [op, seq, ack].
  said() {
    const frames = [];
    let message;
    while ((message = this.session.takeBytes(this.now))) {
      frames.push(...decodeFrames(message.buffer, 1 << 20));
    }
    this.frames = frames;
    return frames.map(({ op, seq, ack }) => [names.get(op), seq, ack]);
  }

  events() {
    const events = this.session.takeEvents();
    for (const { kind, link } of events) if (kind === 'connect') this.link = link;
    this.log.push(...events);
    return events.map((event) => event.kind);
  }

  connect() {
    this.session.handleConnected(this.now, this.link, who);
    this.said();
    return new Fields(this.frames[0].body);
  }

  lose() {
    this.session.handleDisconnected(this.now, this.link);
    return this.events();
  }

  say(op, { seq, ack, body } = {}, message = body) {
    const frame = encodeFrame({ op, seq, ack, body: message?.finish?.() ?? message });
    this.session.handleMessage(this.now, this.link, frame.buffer);
  }

  welcome({ resumed = 0, ticket = 'ticket', accepted = 0, heartbeatMs = 0, window = 64 } = {}) {
    const body = new Writer()
      .uint(3, resumed)
      .string(4, ticket)
      .uint(6, accepted)
      .uint(8, heartbeatMs)
      .uint(10, window);
    this.say(Op.WELCOME, { ack: this.link, body });
    return this.events();
  }

  deliver(seq) {
    this.say(Op.DELIVER, { seq, body: bytes(`${seq}`) });
    const events = this.session.takeEvents();
    for (const { arrival } of events) this.session.settle(arrival);
    return events.map(({ kind, body, gap }) => (kind === 'gap' ? [gap.from, gap.to] : text(body)));
  }

  // Up to the next moment at which the session wants something.
  pass() {
    this.now = this.session.timeoutAt;
    this.session.handleTimeout(this.now);
    return this.events();
  }

  come(options) {
    this.connect();
    this.welcome(options);
  }
}

{
  const talk = new Talk();
  const auth = talk.connect();
  equal([auth.string(1), auth.string(2), auth.uint(16)], ['dtalk', 'T', 3], 'who asks');
  equal([auth.bytes(19).length, auth.uint(22)], [0, 1], 'a new session');
  equal(talk.said(), [], 'asked once');
  equal(talk.welcome(), ['opened'], 'open');

  equal([talk.deliver(1), talk.deliver(3), talk.deliver(2)], [['1'], [], ['2', '3']], 'in order');
  equal(talk.said(), [['ACK', 0, 3]], 'one acknowledgement for all');
  equal(talk.deliver(4), ['4'], 'and on');
  equal(talk.lose(), ['waiting'], 'lost');
  equal(talk.session.timeoutAt, 500, 'the first wait');
  equal(talk.pass(), ['connect'], 'again');
  talk.session.handleDisconnected(talk.now, talk.link - 1);
  talk.session.handleConnected(talk.now, talk.link - 1, who);
  equal([talk.events(), talk.said()], [[], []], 'the old connection is nobody');
  equal(talk.session.send(bytes('early')), 1, 'a message for when there is a connection');
  const back = talk.connect();
  equal([back.string(19), back.uint(20), back.bytes(21).length], ['ticket', 4, 0], 'where it was');
  talk.welcome({ resumed: 1, ticket: 'next' });
  equal(talk.log.at(-1).resumed, true, 'the same session');
  equal(talk.deliver(4), [], 'a repeat');
  equal(talk.deliver(5), ['5'], 'and on');
  equal(talk.said(), [['ACK', 0, 5], ['SEND', 1, 0]], 'the message, too');

  talk.lose();
  talk.pass();
  equal(talk.connect().string(19), 'next', 'the newest ticket');
  talk.welcome({ resumed: 0 });
  equal(talk.log.at(-1).resumed, false, 'another session');
  equal(talk.said(), [['SEND', 1, 0]], 'which does not know the message');
  equal(talk.deliver(1), ['1'], 'and counts anew');
  talk.say(Op.SEND_REPLY, { ack: 1, body: bytes('done') });
  talk.say(Op.SEND_REPLY, { ack: 1, body: bytes('done') });
  equal(talk.events(), ['replied'], 'answered once');
}

{
  const talk = new Talk();
  talk.come({ window: 2 });
  for (const message of ['a', 'b', 'c']) talk.session.send(bytes(message));
  equal(talk.said(), [['SEND', 1, 0], ['SEND', 2, 0]], 'no more than the window');
  talk.say(Op.REFUSAL, { ack: 1, body: new Writer().uint(1, 1).uint(3, 1) });
  const [refused] = talk.session.takeEvents();
  equal([refused.kind, refused.seq, refused.refusal.code], ['notTaken', 1, -1], 'not taken');
  equal(talk.said(), [['SEND', 3, 1]], 'the next');
  talk.lose();
  talk.pass();
  equal(talk.connect().uint(22), 2, 'the first without an answer');
  talk.welcome({ resumed: 1, accepted: 2, window: 2 });
  equal(talk.said(), [['SEND', 3, 1]], 'what the server has not');
}

{
  const talk = new Talk();
  talk.come();
  talk.deliver(1);
  talk.said();
  talk.say(Op.GAP, { seq: 4, body: new Writer().uint(1, 2).uint(2, 3).string(4, 'g').uint(5, 9) });
  const [{ kind, gap, arrival }] = talk.session.takeEvents();
  equal([kind, gap.from, gap.to, gap.room, gap.position], ['gap', 2, 4, 'g', 9], 'a gap');
  equal(talk.said(), [], 'not acknowledged before it is settled');
  talk.session.settle(arrival);
  equal(talk.said(), [['ACK', 0, 4]], 'all of it');
  equal(talk.deliver(5), ['5'], 'and on');
  talk.say(Op.GAP, { body: new Writer().uint(2, 12) });
  talk.say(Op.DELIVER_BEST_EFFORT, { body: bytes('x') });
  talk.say(Op.DELIVER_LATEST, { body: bytes('\u0001ky') });
  const others = talk.session.takeEvents();
  equal(others.map((event) => event.kind), ['gap', 'delivery', 'delivery'], 'without numbers');
  equal(others.map((event) => event.arrival), [null, null, null], 'nothing to acknowledge');
  equal(text(others[2].body), 'y', 'the key is not the body');
  equal(talk.said(), [['ACK', 0, 5]], 'no more than was settled');
}

{
  const talk = new Talk();
  talk.come();
  talk.now = 1000;
  talk.deliver(1);
  talk.session.send(bytes('not now'));
  talk.say(Op.GOING_AWAY, { body: new Writer().uint(1, 1).uint(2, 1500).uint(3, 1) });
  equal(talk.said(), [['ACK', 0, 1]], 'the last word is what arrived');
  equal(talk.events(), ['disconnect', 'waiting'], 'it goes');
  equal(talk.session.timeoutAt, 3000, 'as long as it was told, and a random wait');
  talk.now = 2499;
  talk.session.hurry(talk.now);
  equal(talk.events(), [], 'whoever is impatient');
  talk.now = 2500;
  talk.session.hurry(talk.now);
  equal(talk.events(), ['connect'], 'no random wait for the impatient');
  equal(talk.connect().string(19), 'ticket', 'the same session');
  talk.welcome({ resumed: 1 });
  talk.say(Op.GOING_AWAY, { body: new Writer().uint(1, 2).string(4, 'later') });
  talk.said();
  talk.pass();
  equal(talk.connect().string(19), 'later', 'a ticket that knows of the return time');
  talk.welcome();
  talk.say(Op.GOING_AWAY, { body: new Writer().uint(1, 2) });
  talk.said();
  talk.pass();
  equal(talk.connect().bytes(19).length, 0, 'a ticket that will not be honoured is not shown');
}

{
  const talk = new Talk();
  talk.come();
  talk.say(Op.ERROR, { body: new Writer().uint(1, 20).uint(3, 1).uint(4, 250) });
  equal(talk.events(), ['disconnect', 'waiting'], 'too slow: come back');
  equal(talk.session.timeoutAt, 750, 'but not at once');
  talk.pass();
  talk.come({ resumed: 1 });
  talk.say(Op.ERROR, { body: new Writer().uint(1, 24) });
  equal(talk.events(), ['disconnect', 'closed'], 'replaced');
  equal([talk.log.at(-1).closed.code, talk.session.timeoutAt], [12, Infinity], 'for good');
  equal([talk.session.send(bytes('x')), talk.said()], [null, []], 'nothing is left');
}

{
  const talk = new Talk();
  talk.connect();
  const refusal = new Writer().uint(1, 16).uint(3, 1).uint(4, 5000);
  talk.say(Op.REFUSED, { ack: 1, body: refusal });
  equal([talk.events(), talk.session.timeoutAt], [['disconnect', 'waiting'], 5500], 'later');
  talk.pass();
  talk.connect();
  talk.say(Op.REFUSED, { ack: 2, body: new Writer().uint(1, 12).bytes(5, bytes('why')) });
  equal(talk.events(), ['disconnect', 'closed'], 'never');
  equal(text(talk.log.at(-1).closed.body), 'why', 'the reason of the application');
}

{
  const talk = new Talk();
  talk.come({ heartbeatMs: 12_000 });
  talk.say(Op.PING, { body: bytes('12345678') });
  equal(talk.said(), [['PONG', 0, 0]], 'at once');
  talk.pass();
  equal([talk.now, talk.said()], [12_000, [['PING', 0, 0]]], 'nothing was heard');
  talk.now = 12_080;
  talk.say(Op.PONG, { body: talk.frames[0].body });
  talk.pass();
  equal([talk.now, talk.said()], [24_000, [['PING', 0, 0]]], 'nothing was said');
  equal(new DataView(talk.frames[0].body.slice().buffer).getUint32(8), 80_000, 'the round trip');
  equal([talk.pass(), talk.now], [['disconnect', 'waiting'], 30_000], 'nothing at all: lost');
  talk.pass();
  talk.come({ heartbeatMs: 60_000 });
  equal(talk.session.timeoutAt - talk.now, 15_000, 'no less often than a person would like');
}

{
  const talk = new Talk();
  equal([talk.pass(), talk.now], [['disconnect', 'waiting'], 20_000], 'no connection comes about');
  talk.pass();
  talk.connect();
  equal([talk.pass(), talk.now], [['disconnect', 'waiting'], 30_500], 'no answer to the auth');
  for (const waitMs of [2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    const before = talk.now;
    talk.pass();
    talk.lose();
    equal(talk.session.timeoutAt - talk.now, waitMs, `a wait of ${waitMs} ms`);
    equal(talk.now > before, true, 'time passes');
  }
  talk.pass();
  talk.come();
  talk.lose();
  equal(talk.session.timeoutAt - talk.now, 500, 'a welcome begins anew');
}

for (const [what, broken] of Object.entries({
  'a send by the server': [Op.SEND, { seq: 1 }],
  'another welcome': [Op.WELCOME, {}],
  'a delivery without a number': [Op.DELIVER, { seq: 0 }],
  'an op of the older dialect': [9, { seq: 1 }],
})) {
  const talk = new Talk();
  talk.come();
  talk.say(...broken);
  equal(talk.events(), ['disconnect', 'waiting'], what);
}

{
  const talk = new Talk();
  talk.connect();
  talk.say(Op.DELIVER, { seq: 1 });
  equal(talk.events(), ['disconnect', 'waiting'], 'a delivery before the welcome');
  const left = new Talk();
  left.come();
  left.deliver(1);
  left.session.send(bytes('too late'));
  left.session.leave();
  equal(left.said(), [['ACK', 0, 1], ['LEAVE', 0, 0]], 'the last words');
  equal(left.events(), ['disconnect', 'closed'], 'for good');
  const never = new Talk();
  never.session.leave();
  equal([never.said(), never.events()], [[], ['disconnect', 'closed']], 'before it began');
}
