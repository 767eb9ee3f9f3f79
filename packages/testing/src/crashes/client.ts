import type { Apiary } from '@apiary/core';
import { isInfrastructure } from '@apiary/core/internal';
import type { CrashScenario } from './scenario.js';
import type { ClientOutcome } from './task.js';

const mostAttempts = 20;
const pauseMs = 20;

/** A client that has given its workflows ids: it repeats all of its act until it gets an answer. */
export async function askUntilAnswered(scenario: CrashScenario, app: Apiary): Promise<ClientOutcome> {
  for (let attempt = 1; ; attempt++) {
    try {
      return { value: await scenario.act(app) };
    } catch (error) {
      if (!isInfrastructure(error) || attempt === mostAttempts) return { thrown: told(error) };
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

function told(error: unknown): { name: string; code?: unknown; message: string } {
  if (!(error instanceof Error)) return { name: typeof error, message: String(error) };
  const { code } = error as { code?: unknown };
  return { name: error.name, message: error.message, ...(code === undefined ? {} : { code }) };
}
