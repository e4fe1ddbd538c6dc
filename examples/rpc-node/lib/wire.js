'use strict';

// A bare connection: bytes out, frames in.

const net = require('node:net');
const { once } = require('node:events');
const { setTimeout: pause } = require('node:timers/promises');

// PATIENCE is how long an answer may take, in milliseconds.
const PATIENCE = 3000;

class Wire {
  #socket;
  #length;
  #bytes = Buffer.alloc(0);
  #ended = false;

  // open connects. length tells how long the frame is that some bytes start with, 0 while it cannot tell.
  static async open(address, length) {
    const socket = net.connect({ ...address, noDelay: true });
    await once(socket, 'connect');
    return new Wire(socket, length);
  }

  constructor(socket, length) {
    this.#socket = socket;
    this.#length = length;
    socket.on('data', (chunk) => { this.#bytes = Buffer.concat([this.#bytes, chunk]); });
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => { this.#ended = true; });
  }

  send(bytes) {
    this.#socket.write(bytes);
  }

  // trickle sends one byte at a time, with a pause after each so that it travels alone.
  async trickle(bytes) {
    for (const byte of bytes) {
      this.#socket.write(Buffer.of(byte));
      await pause(1);
    }
  }

  // next awaits one frame.
  async next() {
    const deadline = AbortSignal.timeout(PATIENCE);
    for (;;) {
      const length = this.#length(this.#bytes);
      if (length > 0 && this.#bytes.length >= length) return this.#take(length);
      if (this.#ended) throw new Error(`connection closed after ${this.#bytes.length} bytes of an answer`);
      await this.#news(deadline);
    }
  }

  #take(length) {
    const frame = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return frame;
  }

  async #news(deadline) {
    try {
      await Promise.race(['data', 'end', 'close'].map((event) => once(this.#socket, event, { signal: deadline })));
    } catch (err) {
      throw deadline.aborted ? new Error(`no answer within ${PATIENCE} ms`) : err;
    }
  }

  close() {
    this.#socket.destroy();
  }
}

// withWire opens a connection, does something with it and closes it, whatever happened.
async function withWire(address, length, use) {
  const wire = await Wire.open(address, length);
  try {
    return await use(wire);
  } finally {
    wire.close();
  }
}

module.exports = { withWire };
