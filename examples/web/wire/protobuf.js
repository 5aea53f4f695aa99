// The part of protobuf (proto3) that the page needs: varints, strings, bytes.
//
// Integers are JavaScript numbers: every id of the server stays below 2^53, where they are exact.
//
// Not here: which message has which fields (bodies.js, control.js).

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

const MAX_VARINT_LEN = 10;

/** The bytes are no protobuf message. */
export class WireError extends Error {}

/** Collects fields in the order of the calls; zero values are left out, as proto3 does. */
export class Writer {
  #bytes = [];

  uint(field, value) {
    if (value !== 0) {
      this.#varint(field * 8 + VARINT);
      this.#varint(value);
    }
    return this;
  }

  bytes(field, value) {
    if (value.length !== 0) {
      this.#varint(field * 8 + LENGTH);
      this.#varint(value.length);
      for (const byte of value) this.#bytes.push(byte);
    }
    return this;
  }

  string(field, value) {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  finish() {
    return Uint8Array.from(this.#bytes);
  }

  // Division, not shifts: those would cut the value to 32 bits.
  #varint(value) {
    while (value >= 128) {
      this.#bytes.push((value % 128) + 128);
      value = Math.floor(value / 128);
    }
    this.#bytes.push(value);
  }
}

/** Fields of one message by number; of a repeated field all values, in order. */
export class Fields {
  #values = new Map();

  constructor(bytes) {
    const cursor = { bytes, at: 0 };
    while (cursor.at < bytes.length) {
      const key = readVarint(cursor);
      const value = readValue(cursor, key % 8);
      const field = Math.floor(key / 8);
      const values = this.#values.get(field);
      if (values) values.push(value);
      else this.#values.set(field, [value]);
    }
  }

  uint(field) {
    const value = this.#last(field) ?? 0;
    if (typeof value !== 'number') throw new WireError(`field ${field} is no integer`);
    return value;
  }

  /** A signed integer whose sign is its lowest bit. */
  sint(field) {
    const value = this.uint(field);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  bool(field) {
    return this.uint(field) !== 0;
  }

  bytes(field) {
    const value = this.#last(field) ?? new Uint8Array();
    if (typeof value === 'number') throw new WireError(`field ${field} is no bytes`);
    return value;
  }

  string(field) {
    return new TextDecoder().decode(this.bytes(field));
  }

  /** A repeated string. */
  strings(field) {
    return (this.#values.get(field) ?? []).map((value) => {
      if (typeof value === 'number') throw new WireError(`field ${field} is no string`);
      return new TextDecoder().decode(value);
    });
  }

  /** A repeated integer, packed or not: both are legal. */
  uints(field) {
    return (this.#values.get(field) ?? []).flatMap((value) => {
      if (typeof value === 'number') return [value];
      const cursor = { bytes: value, at: 0 };
      const numbers = [];
      while (cursor.at < value.length) numbers.push(readVarint(cursor));
      return numbers;
    });
  }

  #last(field) {
    return this.#values.get(field)?.at(-1);
  }
}

function readVarint(cursor) {
  let value = 0;
  let scale = 1;
  for (let length = 0; length < MAX_VARINT_LEN; length += 1) {
    if (cursor.at >= cursor.bytes.length) throw new WireError('truncated integer');
    const byte = cursor.bytes[cursor.at];
    cursor.at += 1;
    value += (byte % 128) * scale;
    if (byte < 128) return value;
    scale *= 128;
  }
  throw new WireError('integer of more than ten bytes');
}

function readValue(cursor, wireType) {
  if (wireType === VARINT) return readVarint(cursor);
  if (wireType === LENGTH) return take(cursor, readVarint(cursor));
  if (wireType === FIXED64) return take(cursor, 8);
  if (wireType === FIXED32) return take(cursor, 4);
  throw new WireError(`wire type ${wireType}`);
}

function take(cursor, length) {
  const end = cursor.at + length;
  if (end > cursor.bytes.length) throw new WireError('truncated field');
  const value = cursor.bytes.subarray(cursor.at, end);
  cursor.at = end;
  return value;
}
