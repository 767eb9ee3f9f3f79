/**
 * mocha's spec reporter, which also writes its totals, and what failed, to the file that APIARY_TEST_TOTALS names, and ends a process that tests left
 * something open in: that is a failure, told by what is open, not a run without an end.
 */
const graceMs = 20_000;

const { appendFileSync } = require('node:fs');
const { reporters, Runner } = require('mocha');

module.exports = class TotalsReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = this.stats;
      const failed = this.failures.map((test) => `${test.fullTitle()}: ${test.err?.message}`);
      if (process.env.APIARY_TEST_TOTALS) appendFileSync(process.env.APIARY_TEST_TOTALS, `${JSON.stringify({ passes, failures, pending, failed })}\n`);
      // Node 20 can spin for ever while it takes down its environment at a natural end (a request of a closed pipe is never answered); this end does not.
      process.once('beforeExit', () => process.exit());
      setTimeout(() => {
        console.error(`The tests have ended, and the process has not: ${process.getActiveResourcesInfo().join(', ')}`);
        // mocha sets the code of the exit itself, from the number of failures.
        process.on('exit', () => (process.exitCode ||= 1));
        process.exit();
      }, graceMs).unref();
    });
  }
};
