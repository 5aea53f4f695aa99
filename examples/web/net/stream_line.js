// A line over WebTransport, in the shape of a WebSocket: one stream, cut into messages of whole
// packets.
//
// Not here: when to use it (fastest_line.js), what the packets mean (../session/).

/** Longest packet that is believed; the server's own limit is lower. */
const LONGEST = 64 << 20;
const HEAD = 20;

/** Length of the whole packets at the front; throws on a length that cannot be. */
export function wholePackets(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = 0;
  while (bytes.length - end >= 4) {
    const length = view.getUint32(end);
    if (length < HEAD || length > LONGEST) throw new Error(`a packet of ${length} bytes`);
    if (bytes.length - end < length) break;
    end += length;
  }
  return end;
}

/** `certificate` is the SHA-256 of the server's, in hex, unless it is one that browsers know. */
export class StreamLine {
  onopen = null;
  onmessage = null;
  onclose = null;
  #transport;
  #writer = null;
  #isOver = false;

  constructor(url, certificate) {
    const hash = certificate && Uint8Array.from(certificate.match(/../g), (it) => parseInt(it, 16));
    const hashes = hash ? [{ algorithm: 'sha-256', value: hash }] : undefined;
    this.#transport = new WebTransport(url, { serverCertificateHashes: hashes });
    this.#run().catch(() => {}).then(() => this.#end());
    // Its rejection comes through the stream, too.
    this.#transport.closed.catch(() => {});
  }

  send(bytes) {
    this.#writer?.write(bytes).catch(() => this.#end());
  }

  close() {
    this.#isOver = true;
    // What was written last, a goodbye perhaps, goes first.
    const last = this.#writer?.close() ?? Promise.resolve();
    last.catch(() => {}).then(() => this.#transport.close());
  }

  async #run() {
    await this.#transport.ready;
    const { readable, writable } = await this.#transport.createBidirectionalStream();
    this.#writer = writable.getWriter();
    this.onopen?.();
    const reader = readable.getReader();
    let rest = new Uint8Array(0);
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const bytes = new Uint8Array(rest.length + value.length);
      bytes.set(rest);
      bytes.set(value, rest.length);
      const end = wholePackets(bytes);
      if (end > 0) this.onmessage?.({ data: bytes.slice(0, end).buffer });
      rest = bytes.subarray(end);
    }
  }

  #end() {
    if (this.#isOver) return;
    this.close();
    this.onclose?.();
  }
}
