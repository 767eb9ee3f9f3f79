import { order } from './ledger-file.js';

export default order(true);
