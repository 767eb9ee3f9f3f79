import type { Mutant } from '../mutant.js';
import { claimMutants } from './claims.js';
import { deliveryMutants } from './delivery.js';
import { directReadMutants } from './direct-reads.js';
import { readTwiceMutants } from './read-twice.js';
import { runMutants } from './runs.js';
import { sharedFlightMutants } from './shared-flights.js';
import { takeoverMutants } from './takeover.js';
import { transactionMutants } from './transactions.js';
import { twoBatchesMutants } from './two-batches.js';

/** The most dangerous first: what runs only when something died has the fewest witnesses. */
export const mutants: readonly Mutant[] = [
  ...takeoverMutants,
  ...claimMutants,
  ...transactionMutants,
  ...runMutants,
  ...deliveryMutants,
  ...sharedFlightMutants,
  ...twoBatchesMutants,
  ...readTwiceMutants,
  ...directReadMutants,
];
