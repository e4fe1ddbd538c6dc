'use strict';

// Frames as bytes: made by the libraries' encoders, read by their decoders, cut from a stream by their lengths.

const assert = require('node:assert/strict');
const { bolt, boltV2, dubbo } = require('./protocols');
const { NAMES, signature } = require('./service');

// A kind of frame is the protocol that makes it, the service it is for, and the length of the frame that some bytes start
// with: 0 as long as too few of them are there to tell. A stream of bolt may mix the two versions.
const KINDS = {
  bolt: { protocol: bolt, service: NAMES.bolt, length: boltLength },
  boltV2: { protocol: boltV2, service: NAMES.bolt, length: boltLength },
  dubbo: { protocol: dubbo, service: NAMES.dubbo, length: dubboLength },
};

function boltLength(bytes) {
  if (bytes.length < 3) return 0;
  if (bytes[0] !== 1 && bytes[0] !== 2) throw new Error(`not a bolt frame: ${bytes.toString('hex', 0, 24)}`);
  const v2 = bytes[0] === 2;
  const response = bytes[v2 ? 2 : 1] === 0;
  const head = (response ? 20 : 22) + (v2 ? 2 : 0);
  if (bytes.length < head) return 0;
  const crc = v2 && bytes[1] === 2 && bytes[11] === 1 ? 4 : 0;
  // The head ends in the lengths of the class name, the headers and the content.
  return head + bytes.readUInt16BE(head - 8) + bytes.readUInt16BE(head - 6) + bytes.readUInt32BE(head - 4) + crc;
}

function dubboLength(bytes) {
  if (bytes.length < 16) return 0;
  if (bytes.readUInt16BE(0) !== 0xdabb) throw new Error(`not a Dubbo frame: ${bytes.toString('hex', 0, 16)}`);
  return 16 + bytes.readUInt32BE(12);
}

// request makes the frame that calls a method of the echo service, or of another. A one-way call asks for no answer.
async function request(kind, id, method, args, { oneWay = false, service = KINDS[kind].service } = {}) {
  const { protocol } = KINDS[kind];
  const encoder = protocol.encoder({ classCache: new Map() });
  encoder.resume(); // what it makes is taken from the packet, so nobody reads it as a stream
  const call = {
    serverSignature: signature(service),
    methodName: method,
    args,
    timeout: 3000,
    group: 'SOFA',
    requestProps: { service: signature(service) },
    oneway: oneWay,
  };
  const frame = await new Promise((resolve, reject) => {
    encoder.writeRequest(id, call, (err, packet) => (err ? reject(err) : resolve(packet.meta.data)));
  });
  if (kind === 'dubbo' && oneWay) frame[2] &= ~0x40; // dubbo-remoting knows two-way calls only
  return frame;
}

// read decodes an answer: its id, its version of the protocol, and the result or the error that it carries.
async function read(kind, frame) {
  const decoder = KINDS[kind].protocol.decoder({ classCache: new Map() });
  const packet = await new Promise((resolve, reject) => {
    decoder.once('response', resolve);
    decoder.once('error', reject);
    decoder.write(frame);
  });
  return {
    id: packet.packetId,
    protocol: packet.options.protocolType,
    crc: packet.options.crcEnable ?? false,
    error: packet.data.error,
    result: packet.data.appResponse,
  };
}

// Heartbeats, byte for byte: what is sent, and the only right answer to it.
const HEARTBEATS = {
  bolt: {
    v1: {
      ping: '0101 0000 01 00000007 01 00000bb8 0000 0000 00000000',
      pong: '0100 0000 01 00000007 01 0000 0000 0000 00000000',
    },
    'v2 with CRC': {
      ping: '020201 0000 01 00000008 01 01 00000bb8 0000 0000 00000000 d3ea5c58',
      pong: '020200 0000 01 00000008 01 01 0000 0000 0000 00000000 e533f29c',
    },
    // As Java sends it: no CRC, no timeout, and an id from a counter that has wrapped.
    'v2 without CRC': {
      ping: '020201 0000 01 fffffff0 01 00 ffffffff 0000 0000 00000000',
      pong: '020200 0000 01 fffffff0 01 00 0000 0000 0000 00000000',
    },
  },
  dubbo: {
    dubbo: {
      ping: 'dabb e2 00 0000000000000001 00000001 4e',
      pong: 'dabb 22 14 0000000000000001 00000001 4e',
    },
    // As Java may send it: its ids start anywhere.
    'dubbo with a negative id': {
      ping: 'dabb e2 00 8f3a5c7e01020304 00000001 4e',
      pong: 'dabb 22 14 8f3a5c7e01020304 00000001 4e',
    },
  },
};

// assertFrame wants a frame to have exactly these bytes.
function assertFrame(frame, hex) {
  const shown = (some) => some.toString('hex', 0, 64) + (some.length > 64 ? '...' : '');
  assert.ok(frame.equals(bytes(hex)), `got ${shown(frame)}, want ${shown(bytes(hex))}`);
}

const bytes = (hex) => Buffer.from(hex.replaceAll(' ', ''), 'hex');

module.exports = { KINDS, HEARTBEATS, request, read, assertFrame, bytes };
