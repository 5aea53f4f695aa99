// The operations of the comet dialect: which frame it is.
//
// Not here: what a frame with an op holds (client_frame.js, server_frame.js).

export const Op = Object.freeze({
  AUTH: 1,
  WELCOME: 32,
  REFUSED: 33,
  DELIVER: 34,
  DELIVER_BEST_EFFORT: 35,
  DELIVER_LATEST: 36,
  ACK: 37,
  GAP: 38,
  SEND: 39,
  SEND_REPLY: 40,
  REFUSAL: 41,
  ERROR: 42,
  GOING_AWAY: 43,
  PING: 44,
  PONG: 45,
  LEAVE: 46,
});

/** Below are the ops of the older dialect, which have no place here; only `AUTH` is shared. */
export const FIRST_OP = 32;
