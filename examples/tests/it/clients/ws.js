// Node's ws with permessage-deflate: node ws.js URL-OF-RELAY, beside an installed ws.
const { WebSocket } = require('ws');
const { strict: assert } = require('assert');

const [relay] = process.argv.slice(2);
const fail = (error) => { console.error(error); process.exit(1); };
const chat = (length) => '{"from":"alice","text":"hello there \u{1f600} "}'.repeat(length / 40 + 1);

// A connection, and a function that awaits its next message.
const connect = (path, perMessageDeflate) => new Promise((resolve, reject) => {
  const socket = new WebSocket(relay + path, { perMessageDeflate });
  const [came, waiting] = [[], []];
  socket.on('message', (data, isBinary) => {
    const message = isBinary ? data : data.toString();
    waiting.length ? waiting.shift()(message) : came.push(message);
  });
  const next = () => new Promise((heard) => came.length ? heard(came.shift()) : waiting.push(heard));
  socket.on('open', () => resolve({ socket, next }));
  socket.on('error', reject);
});

const offers = [
  {},
  { threshold: 0 },
  { threshold: 0, clientNoContextTakeover: true, serverNoContextTakeover: true },
  { threshold: 0, serverMaxWindowBits: 10, clientMaxWindowBits: 10 },
];

const run = async () => {
  for (const offer of offers) {
    const { socket, next } = await connect('/echo', offer);
    assert(socket.extensions.startsWith('permessage-deflate'), socket.extensions);
    let sent = 0;
    for (const length of [0, 1, 125, 127, 128, 2000, 70000]) {
      for (const message of [chat(length).slice(0, length), Buffer.alloc(length, 'binary ')]) {
        socket.send(message);
        assert.deepEqual(await next(), message);
        sent += message.length;
      }
    }
    // Three fragments of a compressed message with a ping between them.
    socket.send('in ', { fin: false });
    socket.ping();
    socket.send('three ', { fin: false });
    socket.send('pieces', { fin: true });
    assert.equal(await next(), 'in three pieces');
    assert(socket._socket.bytesRead < sent / 10, `${socket._socket.bytesRead} of ${sent} bytes`);
    socket.close(1000);
    const code = await new Promise((closed) => socket.on('close', closed));
    assert.equal(code, 1000);
  }
  const members = await Promise.all([...offers, false].map((offer) => connect('/room/lobby', offer)));
  for (const { socket } of members) {
    const message = chat(3000);
    socket.send(message);
    for (const { next } of members) assert.equal(await next(), message);
  }
  members.forEach(({ socket }) => socket.terminate());
  console.log('done');
};

run().catch(fail);
