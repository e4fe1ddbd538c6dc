'use strict';

// The wire protocols as sofa-rpc-node wants them: objects with an encoder and a decoder.

const path = require('node:path');
const bolt = require('sofa-bolt-node');
const dubbo = require('dubbo-remoting');
const protobuf = require('protobufjs');

// boltV2 is bolt with frames of version 2, each followed by the CRC of its bytes.
const boltV2 = {
  ...bolt,
  encoder(options) {
    return Object.assign(bolt.encoder(options), { protocolType: 'bolt2', boltVersion: 2, crcEnable: true });
  },
};

const PROTOCOLS = { bolt, dubbo };

const loadProto = () => protobuf.loadSync(path.join(__dirname, 'echo.proto'));

module.exports = { PROTOCOLS, bolt, boltV2, dubbo, loadProto };
