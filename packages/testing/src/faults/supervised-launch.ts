import { isApiaryError, type Apiary } from '@apiary/core';

const mostLaunches = 10;

/**
 * As a supervisor starts a process again that could not reach its database: faults are under way while it starts.
 * @param isExcused what else a launch may be refused with
 */
export async function supervisedLaunch(launch: () => Promise<Apiary>, isExcused: (error: unknown) => boolean = () => false): Promise<Apiary> {
  for (let tries = 1; ; tries++) {
    try {
      return await launch();
    } catch (error) {
      if (!(isApiaryError(error, 'DATABASE_UNREACHABLE') || isExcused(error)) || tries === mostLaunches) throw error;
    }
  }
}
