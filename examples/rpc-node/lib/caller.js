'use strict';

// A client of a service, as a program would have it: sofa-rpc-node's, with one connection to one address.

const { RpcClient } = require('sofa-rpc-node').client;
const logger = require('./log');
const { loadProto } = require('./protocols');

// TIMEOUT is how long a call may take unless its options say otherwise, in milliseconds.
const TIMEOUT = 10000;

class Caller {
  #client;
  #consumer;

  constructor(address, protocol, service) {
    this.#client = new RpcClient({
      logger,
      connectionOpts: { protocol, noDelay: true, connectTimeout: 3000, proto: loadProto() },
    });
    this.#client.on('error', (err) => logger.error(err.message));
    this.#consumer = this.#client.createConsumer({
      interfaceName: service,
      serverHost: `${protocol.name ?? 'bolt'}://${address.host}:${address.port}`,
      responseTimeout: TIMEOUT,
    });
  }

  async call(method, args, options) {
    await this.#consumer.ready();
    return this.#consumer.invoke(method, args, options);
  }

  // failure is the error that a call ends with; that it succeeds is an error too.
  async failure(method, args, options) {
    try {
      await this.call(method, args, options);
    } catch (err) {
      return err;
    }
    throw new Error(`${method} succeeded`);
  }

  // connection is the one that calls take; a lost one is replaced by the next call.
  get connection() {
    const [connection] = this.#client.connectionManager.connections.values();
    return connection;
  }
}

module.exports = { Caller, TIMEOUT };
