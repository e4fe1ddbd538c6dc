'use strict';

// LIMIT is how long one check may take, in milliseconds.
const LIMIT = 15000;

// runChecks prints a line for each check, and tells whether all are ok. It ends with the first that fails.
async function runChecks(peer, checks) {
  for (const [name, check] of Object.entries(checks)) {
    try {
      await limited(check(peer));
      console.log(`ok ${name}`);
    } catch (err) {
      console.log(`FAIL ${name}: ${oneLine(err?.message ?? String(err))}`);
      return false;
    }
  }
  return true;
}

async function limited(check) {
  let timer;
  const tooLong = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${LIMIT / 1000} s`)), LIMIT);
  });
  try {
    await Promise.race([check, tooLong]);
  } finally {
    clearTimeout(timer);
  }
}

const oneLine = (text) => text.replace(/\s+/g, ' ').slice(0, 500);

module.exports = { runChecks };
