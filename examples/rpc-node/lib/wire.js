'use strict';

// A bare connection: bytes out, frames in.

const net = require('node:net');
const { once } = require('node:events');
const { setTimeout: pause } = require('node:timers/promises');

// PATIENCE is how long an answer may take, in milliseconds.
const PATIENCE = 10000;

class Wire {
  #socket;
  #length;
  #bytes = Buffer.alloc(0);
  #closed = false;
  #wake = () => {};

  // length tells how long the frame is that some bytes start with, 0 as long as it cannot tell.
  constructor(socket, length) {
    this.#socket = socket;
    this.#length = length;
    socket.on('data', (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
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

  // next awaits one frame. One call at a time.
  next() {
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        clearTimeout(timer);
        this.#wake = () => {};
        settle(value);
      };
      const timer = setTimeout(() => finish(reject, new Error(`no answer within ${PATIENCE} ms`)), PATIENCE);
      this.#wake = () => {
        try {
          const frame = this.#take();
          if (frame) finish(resolve, frame);
          else if (this.#closed) finish(reject, new Error(`closed with ${this.#bytes.length} bytes of an answer`));
        } catch (err) {
          finish(reject, err);
        }
      };
      this.#wake();
    });
  }

  #take() {
    const length = this.#length(this.#bytes);
    if (length === 0 || this.#bytes.length < length) return undefined;
    const frame = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return frame;
  }
}

// withWire opens a connection, does something with it and closes it, whatever happened.
async function withWire(address, length, use) {
  const socket = net.connect({ ...address, noDelay: true });
  await once(socket, 'connect');
  try {
    return await use(new Wire(socket, length));
  } finally {
    socket.destroy();
  }
}

module.exports = { withWire };
