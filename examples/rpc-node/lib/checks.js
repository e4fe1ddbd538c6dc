'use strict';

// Runs named checks one after another and tells of each: "ok NAME", or "FAIL NAME: reason".

// LIMIT is how long all checks of a program may take together, in milliseconds.
const LIMIT = 28000;

class Checks {
  #running = 'start';
  #failed = 0;

  constructor() {
    setTimeout(() => {
      console.log(`FAIL ${this.#running}: not done within ${LIMIT / 1000} s`);
      process.exit(1);
    }, LIMIT).unref();
  }

  // run awaits check. What it returns, if anything, is printed behind the name.
  async run(name, check) {
    this.#running = name;
    try {
      const note = await check();
      console.log(note === undefined ? `ok ${name}` : `ok ${name}: ${note}`);
    } catch (err) {
      this.#failed++;
      console.log(`FAIL ${name}: ${err?.message ?? err}`);
    }
  }

  // exit ends the program: with 0 if every check passed, otherwise with 1.
  exit() {
    process.exit(this.#failed === 0 ? 0 : 1);
  }
}

// parseAddress takes HOST:PORT apart.
function parseAddress(text) {
  const match = /^(.+):(\d+)$/.exec(text ?? '');
  return match && { host: match[1], port: Number(match[2]) };
}

module.exports = { Checks, parseAddress };
