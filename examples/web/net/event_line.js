// A line over server-sent events and POST, in the shape of a WebSocket: for networks that let no
// WebSocket through. What is sent first is the auth packet alone.
//
// Not here: when to use it (carrier.js), what the packets mean (../session/).

// Repeats of a POST whose answer was lost; the server applies each number once.
const TRIES = 3;
const POST_MS = 10_000;
const PAUSE_MS = 500;

export class EventLine {
  onopen = null;
  onmessage = null;
  onclose = null;
  #url;
  #path = null;
  #events = null;
  #number = 0;
  #waiting = [];
  #isSending = false;
  #isClosing = false;

  constructor(url) {
    this.#url = url;
    queueMicrotask(() => this.onopen?.());
  }

  send(bytes) {
    this.#waiting.push(bytes);
    this.#sendAll();
  }

  /** Ends the line, once what was sent has arrived. */
  close() {
    this.#isClosing = true;
    if (!this.#isSending) this.#end();
  }

  async #sendAll() {
    if (this.#isSending) return;
    this.#isSending = true;
    try {
      while (this.#waiting.length > 0) await this.#sendSome();
    } catch (error) {
      console.warn('an event line broke', error);
      this.#isClosing = true;
    }
    this.#isSending = false;
    if (this.#isClosing) this.#end();
  }

  async #sendSome() {
    if (this.#path === null) return this.#open(this.#waiting.shift());
    this.#number += 1;
    const body = new Blob(this.#waiting.splice(0));
    const answer = await this.#post(`${this.#path}?n=${this.#number}`, body, TRIES);
    if (!answer.ok) throw new Error(`status ${answer.status}`);
  }

  async #open(auth) {
    const answer = await this.#post(this.#url, auth, 1);
    if (!answer.ok && answer.status !== 403) throw new Error(`status ${answer.status}`);
    const { stream, reply } = await answer.json();
    if (stream) {
      this.#path = `${this.#url}/${stream}`;
      this.#read();
    } else {
      this.#isClosing = true;
    }
    this.onmessage?.({ data: bytesOf(reply) });
  }

  // By itself the browser would connect again, to a stream that has ended.
  #read() {
    this.#events = new EventSource(this.#path);
    this.#events.onmessage = ({ data }) => this.onmessage?.({ data: bytesOf(data) });
    this.#events.onerror = () => this.#end();
  }

  async #post(url, body, tries) {
    try {
      return await fetch(url, { method: 'POST', body, signal: AbortSignal.timeout(POST_MS) });
    } catch (error) {
      if (tries <= 1) throw error;
      await new Promise((done) => setTimeout(done, PAUSE_MS));
      return this.#post(url, body, tries - 1);
    }
  }

  #end() {
    this.#waiting = [];
    this.#events?.close();
    this.onclose?.();
    this.onopen = this.onmessage = this.onclose = null;
  }
}

// Long events have several lines, which are one text.
function bytesOf(base64) {
  const text = atob(base64.replaceAll('\n', ''));
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0)).buffer;
}
