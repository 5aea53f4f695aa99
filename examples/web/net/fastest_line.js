// A line over WebTransport where the server has it and UDP gets through, else over WebSocket: the one
// that opens first, with a lead for the former. In the shape of a WebSocket itself.
//
// Not here: the bytes of WebTransport (stream_line.js), what is sent (../session/).

import { StreamLine } from './stream_line.js';

/** The lead of WebTransport, in milliseconds. */
const LEAD = 500;

/** What the server announces, asked for once; again after that has led nowhere. */
let announced = null;

async function askForTransports() {
  if (typeof WebTransport === 'undefined') return null;
  try {
    const answer = await fetch('/comet/transports');
    if (!answer.ok) return null;
    const { transports = [], certificate } = await answer.json();
    const url = transports.find(({ kind }) => kind === 'webtransport')?.url;
    return url ? { url, certificate: certificate?.sha256 } : null;
  } catch {
    return null;
  }
}

/** `url` is the WebSocket's. */
export class FastestLine {
  onopen = null;
  onmessage = null;
  onclose = null;
  #url;
  #tries = new Map();
  #winner = null;
  #timer;
  #isOver = false;

  constructor(url) {
    this.#url = url;
    this.#race();
  }

  send(bytes) {
    this.#tries.get(this.#winner)?.send(bytes);
  }

  close() {
    this.#isOver = true;
    clearTimeout(this.#timer);
    for (const kind of [...this.#tries.keys()]) this.#drop(kind);
  }

  async #race() {
    announced ??= askForTransports();
    const found = await announced;
    if (this.#isOver) return;
    if (!found) return this.#tryWebSocket();
    this.#timer = setTimeout(() => this.#tryWebSocket(), LEAD);
    try {
      this.#try('webtransport', new StreamLine(found.url, found.certificate));
    } catch {
      // Not an address that this browser can use.
      this.#lost('webtransport');
    }
  }

  #tryWebSocket() {
    clearTimeout(this.#timer);
    if (this.#isOver || this.#winner || this.#tries.has('websocket')) return;
    const socket = new WebSocket(this.#url);
    socket.binaryType = 'arraybuffer';
    this.#try('websocket', socket);
  }

  #try(kind, line) {
    line.onopen = () => this.#opened(kind);
    line.onmessage = (event) => this.onmessage?.(event);
    line.onclose = () => this.#lost(kind);
    this.#tries.set(kind, line);
  }

  #opened(kind) {
    clearTimeout(this.#timer);
    this.#winner = kind;
    for (const other of [...this.#tries.keys()]) if (other !== kind) this.#drop(other);
    document.documentElement.dataset.transport = kind;
    this.onopen?.();
  }

  #lost(kind) {
    this.#tries.delete(kind);
    const wasOpen = this.#winner === kind;
    if (kind === 'webtransport' && !wasOpen) {
      announced = null;
      this.#tryWebSocket();
    }
    // The other one may still open.
    if (wasOpen || this.#tries.size === 0) this.onclose?.();
  }

  // At once, although it may take long to close on a dead network.
  #drop(kind) {
    const line = this.#tries.get(kind);
    this.#tries.delete(kind);
    line.onopen = line.onmessage = line.onclose = null;
    line.close();
  }
}
