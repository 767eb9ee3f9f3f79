import { isApiaryError, type Apiary } from '@apiary/core';

const mostLaunches = 10;

/** As a supervisor starts a process again that could not reach its database: faults are under way while it starts. */
export async function supervisedLaunch(launch: () => Promise<Apiary>): Promise<Apiary> {
  for (let tries = 1; ; tries++) {
    try {
      return await launch();
    } catch (error) {
      if (!isUnreachable(error) || tries === mostLaunches) throw error;
    }
  }
}

/** What a user's migrations throw comes as it is: of a lost connection the driver's own error. */
function isUnreachable(error: unknown): boolean {
  return isApiaryError(error, 'DATABASE_UNREACHABLE') || (error instanceof Error && error.message.includes('Connection terminated'));
}
