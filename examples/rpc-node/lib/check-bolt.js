'use strict';

// What bolt has beyond calls with Hessian: version 2 of its frames, and protobuf.

const assert = require('node:assert/strict');
const { Caller } = require('./caller');
const { boltV2 } = require('./protocols');
const { NAMES } = require('./service');
const { rounds, same, ROUNDS, CONCURRENT } = require('./check-calls');

const PROTOBUF = { codecType: 'protobuf' };

async function checkBolt(checks, caller, address) {
  await checks.run('protobuf', async () => {
    const words = await caller.call('shout', [{ text: 'hello', numbers: [1, -2, 3] }], PROTOBUF);
    same(words.toObject({ defaults: true }), { text: 'HELLO', numbers: [1, -2, 3], fail: false });
  });
  await checks.run('protobuf, failing method', async () => {
    const err = await caller.failure('shout', [{ text: 'sold out', fail: true }], PROTOBUF);
    assert.match(err.message, /sold out/);
  });
  const v2 = new Caller(address, boltV2, NAMES.bolt);
  await checks.run('v2 with CRC', async () => same(await v2.call('echo', ['hello']), 'hello'));
  await checks.run('v2 with CRC, failing method', async () => {
    const err = await v2.failure('fail', ['out of stock']);
    assert.match(err.message, /out of stock/);
  });
  await checks.run(`v2 with CRC, ${ROUNDS} rounds of ${CONCURRENT} concurrent calls`, () => rounds(v2));
}

module.exports = { checkBolt };
