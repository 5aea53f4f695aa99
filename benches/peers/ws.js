// Node.js with the `ws` package: node ws.js PORT
//
// /room/NAME: what a member says goes to all members, itself included. /echo: to itself.
const { WebSocketServer } = require('ws');

const rooms = new Map();
const server = new WebSocketServer({
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  perMessageDeflate: false,
  backlog: 4096,
});

server.on('connection', (socket, request) => {
  socket.on('error', () => {});
  if (!request.url.startsWith('/room/')) {
    socket.on('message', (body, binary) => socket.send(body, { binary }));
    return;
  }
  if (!rooms.has(request.url)) rooms.set(request.url, new Set());
  const members = rooms.get(request.url).add(socket);
  socket.on('close', () => members.delete(socket));
  socket.on('message', (body, binary) => {
    for (const member of members) member.send(body, { binary });
  });
});
