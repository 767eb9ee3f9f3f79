/** A call outside that waits at a gate of the name that it says. */
import { Communicator, Service } from '@apiary/core';
import { Gates } from './gates.js';

export const gates = new Gates();

@Service()
export class Voice {
  @Communicator()
  async say(text: string): Promise<string> {
    await gates.at(text);
    return text;
  }
}
