/** What a service hands to apiary-check-deploy. */
import { Journeys } from './journeys.js';

export const services = [Journeys];
