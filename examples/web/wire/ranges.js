// What has arrived beyond a number, as pairs of LEB128 numbers: how many are missing, how many are
// here.
//
// Not here: what has arrived (../session/deliveries.js).

import { isAfter, since } from './seq.js';

const MAX_RANGES = 32;
const MAX_SPAN = 2 ** 31 - 1;

/**
 * Encodes `[{ first, last }]`, in order and each with a hole before it. What is too much is left
 * out: it counts as missing, which costs a repetition and no message.
 */
export function encodeRanges(upTo, ranges) {
  const bytes = [];
  let end = upTo;
  for (const { first, last } of ranges.slice(0, MAX_RANGES)) {
    if (!isAfter(last, upTo) || since(last, upTo) > MAX_SPAN) break;
    writeNumber(bytes, since(first, end) - 1);
    writeNumber(bytes, since(last, first) + 1);
    end = last;
  }
  return Uint8Array.from(bytes);
}

function writeNumber(bytes, number) {
  let rest = number;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}
