'use strict';

// Calls with one message each way, and what travels beside it.

const assert = require('node:assert/strict');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const protobuf = require('protobufjs');
const { unary, failure, same, bytes, metadata } = require('./peer');

const SERVICE = 'weir.example.Echo';

const MESSAGES = [
  { text: 'hello', payload: Buffer.of(0, 1, 255), number: '42' },
  {}, // a message without a byte
  { text: 'naïve \u00a0 中文 ελληνικά \u{1f600} \u{10ffff}' },
  { number: '-9223372036854775808' },
];

// SIZES are around the sizes of frames and windows, and far beyond.
const SIZES = [16383, 16384, 16385, 65534, 65535, 65536, 1 << 20, 8 << 20];

async function checkUnary(peer) {
  for (const message of MESSAGES) await peer.say(message);
}

async function largeMessages(peer) {
  for (const size of SIZES) await peer.say({ payload: bytes(size, size) });
}

// compressed is gzip in both directions: the server answers in what the request came in.
async function compressed(peer) {
  const client = peer.with({ 'grpc.default_compression_algorithm': 2 });
  try {
    const message = { text: 'gzip '.repeat(40000) };
    const { response } = await unary(client, 'say', message);
    same(response, message);
  } finally {
    client.close();
  }
}

// errorCodes has all codes, and messages with what HTTP does not allow in a header.
async function errorCodes(peer) {
  for (let code = grpc.status.CANCELLED; code <= grpc.status.UNAUTHENTICATED; code++) {
    const message = `code ${code}: 100% naïve,\n世界 \u{1f600}`;
    await failure(unary(peer.echo, 'fail', { code, message }), code, message);
  }
  await failure(unary(peer.echo, 'fail', { code: grpc.status.NOT_FOUND }), grpc.status.NOT_FOUND, '');
}

// errorDetails are binary, and longer than the other trailers are.
async function errorDetails(peer) {
  const info = { reason: 'QUOTA', metadata: { account: 'ada', padding: 'x'.repeat(3000) } };
  const code = grpc.status.RESOURCE_EXHAUSTED;
  const err = await failure(unary(peer.echo, 'fail', { code, message: 'over quota', ...info }), code, 'over quota');
  const types = await protobuf.load(path.join(__dirname, 'status.proto'));
  const status = types.lookupType('google.rpc.Status').decode(err.metadata.get('grpc-status-details-bin')[0]);
  assert.deepEqual({ code: status.code, message: status.message }, { code, message: 'over quota' });
  assert.deepEqual(status.details.map((detail) => detail.typeUrl), ['type.googleapis.com/google.rpc.ErrorInfo']);
  const ErrorInfo = types.lookupType('google.rpc.ErrorInfo');
  assert.deepEqual(ErrorInfo.toObject(ErrorInfo.decode(status.details[0].value)), { domain: 'weir.example', ...info });
}

// unimplemented is a method that the service does not have.
async function unimplemented(peer) {
  await failure(missing(peer, `/${SERVICE}/Missing`), grpc.status.UNIMPLEMENTED);
}

// missing calls a method that the proto does not have. What is sent and received is raw.
function missing(peer, method, options = {}) {
  const raw = (value) => value;
  return new Promise((resolve, reject) => {
    peer.echo.makeUnaryRequest(method, raw, raw, Buffer.alloc(0), new grpc.Metadata(), options, (err, response) => {
      if (err) reject(err);
      else resolve(response);
    });
  });
}

// metadataEcho wants its metadata back twice: in the header and in the trailer.
async function metadataEcho(peer) {
  const sent = {
    'echo-text': ['hello, world'],
    'echo-many': ['first', 'second', 'third'],
    'echo-empty': [''],
    'echo-long': ['long'.repeat(1500)],
    'echo-bin': [Buffer.of(0, 255), bytes(300, 0)],
  };
  const { header, trailer } = await unary(peer.echo, 'say', {}, { metadata: metadata(sent) });
  for (const [name, values] of Object.entries(sent)) {
    assert.deepEqual(joined(header.get(name)), joined(values), `header ${name}`);
    assert.deepEqual(joined(trailer.get(name)), joined(values), `trailer ${name}`);
  }
  const next = await unary(peer.echo, 'say', {});
  const names = [...Object.keys(next.header.getMap()), ...Object.keys(next.trailer.getMap())];
  assert.deepEqual(names.filter((name) => name.startsWith('echo-')), [], 'metadata of a call that had none');
}

// joined makes one text of several: the library cuts a value at its commas, as if it were several.
const joined = (values) => (Buffer.isBuffer(values[0]) ? values : values.join(', '));

async function healthService(peer) {
  for (const service of ['', SERVICE]) {
    const { response } = await unary(peer.health, 'check', { service });
    assert.equal(response.status, 'SERVING', `service "${service}"`);
  }
  await failure(unary(peer.health, 'check', { service: 'weir.example.Missing' }), grpc.status.NOT_FOUND);

  const watch = peer.health.watch({ service: SERVICE });
  const { value } = await watch[Symbol.asyncIterator]().next();
  assert.equal(value?.status, 'SERVING', 'watch');
  watch.on('error', () => {}); // that it was cancelled
  watch.cancel();
}

module.exports = {
  unary: checkUnary, largeMessages, compressed, errorCodes, errorDetails, unimplemented, metadataEcho, healthService, missing,
};
