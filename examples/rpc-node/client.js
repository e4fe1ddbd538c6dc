'use strict';

// client.js HOST:PORT bolt|dubbo [errors] [--proxied]: calls the echo service of server.js in many ways and prints "ok NAME"
// or "FAIL NAME: reason" for each; exits with 0 only if all are ok. With "errors" it calls a service that nobody offers.
// "--proxied" also wants what only a proxy gives: that a one-way call is never answered.

const assert = require('node:assert/strict');
const { Checks, parse } = require('./lib/checks');
const { Caller } = require('./lib/caller');
const { PROTOCOLS } = require('./lib/protocols');
const { NAMES, MISSING } = require('./lib/service');
const { checkCalls } = require('./lib/check-calls');
const { checkBolt } = require('./lib/check-bolt');
const { checkFrames, checkLostOneWay } = require('./lib/check-frames');

// PROMPT is the time within which a call that cannot be delivered must have failed, in milliseconds.
const PROMPT = 2000;

// OWN_ERRORS are what the library says when there is no connection or no answer.
const OWN_ERRORS = new Set(['RpcNoProviderError', 'RpcResponseTimeoutError', 'RpcSocketCloseError', 'RpcSocketError']);

async function checkErrors(checks, caller) {
  const refused = async () => {
    const start = Date.now();
    const err = await caller.failure('echo', ['lost']);
    const took = Date.now() - start;
    assert.ok(took < PROMPT, `failed after ${took} ms only: ${err.message}`);
    assert.ok(!OWN_ERRORS.has(err.name), `${err.name}: ${err.message}`);
    return err.message;
  };
  await checks.run('no such service', refused);
  await checks.run('no such service, on the same connection', async () => {
    const before = caller.connection;
    const message = await refused();
    assert.ok(before?.isOk && before === caller.connection, 'the connection was closed');
    return message;
  });
}

function usage() {
  console.error('usage: client.js HOST:PORT bolt|dubbo [errors] [--proxied]');
  process.exit(2);
}

async function main(args) {
  const parsed = parse(args, { proxied: { type: 'boolean', default: false } });
  const [protocol, mode, ...rest] = parsed?.words ?? [];
  if (!Object.hasOwn(PROTOCOLS, protocol) || ![undefined, 'errors'].includes(mode) || rest.length > 0) usage();
  const { address, options: { proxied } } = parsed;
  const checks = new Checks();
  const caller = new Caller(address, PROTOCOLS[protocol], mode === 'errors' ? MISSING : NAMES[protocol]);
  if (mode === 'errors') {
    await checkErrors(checks, caller);
    if (proxied) await checkLostOneWay(checks, address, protocol);
  } else {
    await checkCalls(checks, caller);
    if (protocol === 'bolt') await checkBolt(checks, caller, address);
    await checkFrames(checks, address, protocol, proxied);
  }
  checks.exit();
}

main(process.argv.slice(2));
