import { order } from './ledger-file.js';

/** Its payment service does not know a charge again. */
export default order(false);
