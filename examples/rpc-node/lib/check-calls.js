'use strict';

// What a client may expect of calls over either protocol.

const assert = require('node:assert/strict');
const { TIMEOUT } = require('./caller');

const ROUNDS = 20;
const CONCURRENT = 50;

// A call that takes SLOW is given IMPATIENT, both in milliseconds.
const SLOW = 2000;
const IMPATIENT = 300;

const VALUES = {
  string: 'hello',
  'empty string': '',
  integer: 42,
  zero: 0,
  'negative integer': -70000,
  'long integer': Number.MAX_SAFE_INTEGER,
  fraction: 3.141592653589793,
  true: true,
  false: false,
  null: null,
  object: {
    name: 'order',
    lines: [{ sku: 'a-1', amount: 2, price: 9.75 }, { sku: 'b-2', amount: 1, price: null }],
    tags: ['new', ['nested', ['deeper', []]]],
    customer: { vip: false, address: { street: '', number: 0 } },
  },
  unicode: 'naïve \u00a0 中文 ελληνικά \u{1f600} \u{20bb7} \u{10ffff} e\u0301',
  '1 MiB string': Array.from({ length: 1 << 17 }, (_, i) => String(i).padStart(8, '.')).join(''),
};

async function checkCalls(checks, caller) {
  for (const [name, value] of Object.entries(VALUES)) {
    await checks.run(`echo ${name}`, async () => same(await caller.call('echo', [value]), value));
  }
  await checks.run('failing method', async () => {
    const err = await caller.failure('fail', ['out of stock: \u{1f600}']);
    assert.match(err.message, /out of stock: \u{1f600}/u);
  });
  await checks.run('missing method', async () => {
    const err = await caller.failure('absent', []);
    assert.match(err.message, /Can not find method: .*#absent\(\)/);
  });
  await checks.run(`${ROUNDS} rounds of ${CONCURRENT} concurrent calls`, () => rounds(caller));
  await checks.run('timeout', () => timeout(caller));
  await checks.run('calls while a late answer arrives', () => late(caller));
}

// same is deepEqual for results, which have no prototype to speak of. A long text is not shown in full.
function same(result, value) {
  if (typeof value === 'string' && value.length > 1000) {
    assert.ok(result === value, `another text came back, of ${result?.length} characters`);
  } else {
    assert.deepEqual(result, value);
  }
}

// rounds makes calls that are answered in another order than they were sent in, and with answers of many sizes.
async function rounds(caller) {
  for (let round = 0; round < ROUNDS; round++) {
    const calls = Array.from({ length: CONCURRENT }, async (_, i) => {
      const value = { round, i, text: `${i}`.repeat(i * 17) };
      const delay = (i * 7) % 11;
      same(await caller.call('delay', [delay, value]), value);
    });
    await Promise.all(calls);
  }
}

async function timeout(caller) {
  const start = Date.now();
  const err = await caller.failure('delay', [SLOW, 'late'], { responseTimeout: IMPATIENT });
  const took = Date.now() - start;
  assert.ok(took >= IMPATIENT - 50 && took < SLOW / 2, `failed after ${took} ms: ${err.message}`);
  return err.message;
}

// late keeps calling until the answer to an abandoned call must have come, and must have been taken for no other's.
async function late(caller) {
  const start = Date.now();
  await caller.failure('delay', [SLOW, 'late'], { responseTimeout: IMPATIENT });
  for (let i = 0; Date.now() - start < SLOW + 200; i++) {
    same(await caller.call('delay', [5, i], { responseTimeout: TIMEOUT }), i);
  }
}

module.exports = { checkCalls, rounds, same, ROUNDS, CONCURRENT };
