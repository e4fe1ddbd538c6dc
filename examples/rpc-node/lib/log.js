'use strict';

// What the libraries tell: their complaints go to standard error, the rest nowhere.

const quiet = () => {};

module.exports = { debug: quiet, info: quiet, warn: console.error, error: console.error };
