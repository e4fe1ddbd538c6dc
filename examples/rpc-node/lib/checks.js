'use strict';

// Runs named checks one after another and tells of each, in one line: "ok NAME", or "FAIL NAME: reason".

const { parseArgs } = require('node:util');

// LIMIT is how long all checks of a program may take together, in milliseconds.
const LIMIT = 28000;

class Checks {
  #running = 'start';
  #failed = 0;

  constructor() {
    setTimeout(() => {
      console.log(`FAIL ${this.#running}: not done within ${LIMIT / 1000} s`);
      process.exit(1);
    }, LIMIT);
  }

  // run awaits check. What it returns, if anything, is printed behind the name.
  async run(name, check) {
    this.#running = name;
    try {
      const note = await check();
      console.log(note === undefined ? `ok ${name}` : `ok ${name}: ${oneLine(note)}`);
    } catch (err) {
      this.#failed++;
      console.log(`FAIL ${name}: ${oneLine(err?.message ?? String(err))}`);
    }
  }

  // exit ends the program: with 0 if every check passed, otherwise with 1.
  exit() {
    process.exit(this.#failed === 0 ? 0 : 1);
  }
}

const oneLine = (text) => text.replace(/\s+/g, ' ').slice(0, 500);

// parse reads a command line that starts with HOST:PORT; it is undefined if that, or an option, is not as it should be.
function parse(args, options) {
  let parsed;
  try {
    parsed = parseArgs({ args, options, allowPositionals: true });
  } catch {
    return undefined;
  }
  const [target, ...words] = parsed.positionals;
  const match = /^(.+):(\d+)$/.exec(target ?? '');
  return match && { address: { host: match[1], port: Number(match[2]) }, words, options: parsed.values };
}

module.exports = { Checks, parse };
