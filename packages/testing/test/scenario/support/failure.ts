import { expect } from 'chai';

/** The message with which it fails. */
export async function failure(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    (value) => `nothing was found: ${String(value)}`,
    (reason: unknown) => reason,
  );
  return error instanceof Error ? error.message : String(error);
}

/** What comes of the reproduction that a message tells how to run. */
export async function reproduced(message: string, again: () => Promise<unknown>): Promise<string> {
  const point = /APIARY_CRASH_POINT=(\S+)/.exec(message)?.[1];
  expect(point, message).to.be.a('string');
  process.env['APIARY_CRASH_POINT'] = point;
  try {
    return await failure(again());
  } finally {
    delete process.env['APIARY_CRASH_POINT'];
  }
}
