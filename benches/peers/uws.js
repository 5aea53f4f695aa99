// uWebSockets.js under Node.js, by its own rooms: UWS=package node uws.js PORT [CERT KEY]
//
// The package is not in npm under its own name: UWS says what it is called here.
// /room/NAME: what a member says goes to all members, itself included. /echo: to itself.
const uws = require(process.env.UWS || 'uWebSockets.js');

const [port, cert_file_name, key_file_name] = process.argv.slice(2);
const app = cert_file_name ? uws.SSLApp({ cert_file_name, key_file_name }) : uws.App();
const limits = {
  compression: uws.DISABLED,
  idleTimeout: 0,
  sendPingsAutomatically: false,
  // A member that is further behind loses what comes.
  maxBackpressure: 16 << 20,
};

app.ws('/room/:name', {
  ...limits,
  upgrade(response, request, context) {
    const [key, protocol, extensions] = ['key', 'protocol', 'extensions'].map((field) =>
      request.getHeader(`sec-websocket-${field}`));
    response.upgrade({ room: request.getParameter(0) }, key, protocol, extensions, context);
  },
  open: (socket) => socket.subscribe(socket.room),
  message: (socket, body, binary) => app.publish(socket.room, body, binary),
});
app.ws('/echo', { ...limits, message: (socket, body, binary) => socket.send(body, binary) });
app.listen('127.0.0.1', Number(port), (listening) => {
  if (!listening) process.exit(1);
});
