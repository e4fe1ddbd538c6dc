'use strict';

// The service that server.js offers over either protocol, and the names it is called by.

const NAMES = {
  bolt: 'com.nodejs.bolt.EchoService',
  dubbo: 'com.nodejs.dubbo.EchoService',
};

// VERSION is the one that sofa-rpc-node gives a service unless told otherwise.
const VERSION = '1.0';

// MISSING is a service that nobody offers and that weir.json has no route for.
const MISSING = 'com.example.Missing';

// signature is what the libraries call a service by: its name and its version.
const signature = (name) => `${name}:${VERSION}`;

// Notes are remembered up to here; the oldest goes first.
const MAX_NOTES = 1000;

function echoService() {
  const notes = new Set();
  return {
    async echo(value) {
      return value;
    },

    async delay(milliseconds, value) {
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      return value;
    },

    async fail(message) {
      throw Object.assign(new Error(message), { ignoreLog: true });
    },

    // note is for one-way calls; noted tells whether one has arrived.
    async note(text) {
      notes.add(text);
      if (notes.size > MAX_NOTES) notes.delete(notes.values().next().value);
      return 'noted';
    },

    async noted(text) {
      return notes.has(text);
    },

    // shout is the method that echo.proto describes: its argument and its result are protobuf messages.
    async shout(message) {
      if (message.fail) throw Object.assign(new Error(message.text), { ignoreLog: true });
      return { text: message.text.toUpperCase(), numbers: message.numbers };
    },
  };
}

module.exports = { NAMES, VERSION, MISSING, signature, echoService };
