// Sequence numbers on a circle: 1 to 4294967295 and then 1 again; 0 is "none yet".
//
// Order is certain for numbers that are less than 2^31 apart (RFC 1982).
//
// Not here: who counts what (../session/).

const LAST = 0xffffffff;

export const NONE = 0;

export function next(seq) {
  return seq === LAST ? 1 : seq + 1;
}

/** The number before; `NONE` before the first. */
export function prev(seq) {
  return (seq - 1) >>> 0;
}

export function isAfter(seq, other) {
  return ((seq - other) | 0) > 0;
}

/** How many places on the circle lie between; that of 0 counts. */
export function since(seq, earlier) {
  return (seq - earlier) >>> 0;
}

export function plus(seq, places) {
  return (seq + places) >>> 0;
}
