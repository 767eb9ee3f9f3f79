/** mocha's spec reporter, which also writes its totals to the file that APIARY_TEST_TOTALS names. */
const { appendFileSync } = require('node:fs');
const { reporters, Runner } = require('mocha');

module.exports = class TotalsReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = this.stats;
      if (process.env.APIARY_TEST_TOTALS) appendFileSync(process.env.APIARY_TEST_TOTALS, `${JSON.stringify({ passes, failures, pending })}\n`);
    });
  }
};
