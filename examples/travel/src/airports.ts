/** The airports of the data set, and the validation rule that a place to fly from or to must be one of them. */
import { readFileSync } from 'node:fs';
import { ValidateBy, buildMessage } from 'class-validator';
import { csvParse } from 'd3-dsv';

/** A file of the npm package `vega-datasets`. */
export function dataFile(name: string): string {
  return readFileSync(new URL(`../data/${name}`, import.meta.resolve('vega-datasets')), 'utf8');
}

const airports: ReadonlySet<string> = new Set(csvParse(dataFile('airports.csv')).map((row) => row['iata'] ?? ''));

export function isAirport(code: string): boolean {
  return airports.has(code);
}

export function IsAirport(): PropertyDecorator {
  return ValidateBy({
    name: 'isAirport',
    validator: {
      validate: (value) => typeof value === 'string' && isAirport(value),
      defaultMessage: buildMessage((each) => `${each}$property must be the code of an airport`),
    },
  });
}
