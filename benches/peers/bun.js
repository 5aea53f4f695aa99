// Bun, by its own rooms: bun bun.js PORT
//
// /room/NAME: what a member says goes to all members, itself included. /echo: to itself.
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.argv[2]),
  fetch(request, server) {
    const { pathname } = new URL(request.url);
    const room = pathname.startsWith('/room/') ? pathname : null;
    if (!server.upgrade(request, { data: { room } })) {
      return new Response('for WebSocket only', { status: 426 });
    }
  },
  websocket: {
    perMessageDeflate: false,
    idleTimeout: 0,
    sendPings: false,
    // A member that is further behind loses what comes.
    backpressureLimit: 16 << 20,
    open(socket) {
      if (socket.data.room) socket.subscribe(socket.data.room);
    },
    message(socket, body) {
      if (socket.data.room) server.publish(socket.data.room, body);
      else socket.send(body);
    },
  },
});
