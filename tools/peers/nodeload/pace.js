'use strict';

const { setTimeout: pause, setImmediate: turn } = require('node:timers/promises');

// paced does something a number of times a second, or each time around the event loop if that is 0, for some seconds. It ends early
// when a step returns false.
async function paced(rate, seconds, step) {
  const begin = performance.now();
  for (let n = 0; performance.now() - begin < seconds * 1e3; n++) {
    while (rate > 0 && n >= (performance.now() - begin) / 1e3 * rate) {
      await pause(1);
    }
    if (rate === 0) {
      await turn();
    }
    if (await step() === false) {
      return;
    }
  }
}

// all waits for calls that are made meanwhile, too. It fails with the first of them.
class All {
  #running = new Set();
  #failure;

  add(call) {
    const done = call.catch((e) => { this.#failure ??= e; }).finally(() => this.#running.delete(done));
    this.#running.add(done);
  }

  async end() {
    await Promise.all(this.#running);
    if (this.#failure) {
      throw this.#failure;
    }
  }
}

module.exports = { paced, All };
