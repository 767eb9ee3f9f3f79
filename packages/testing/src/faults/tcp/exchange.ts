import { BodyReader, errorFields, type Message } from '../wire/message.js';
import type { RuleHandle } from './rule-handle.js';

/** A question that the server answers with ReadyForQuery, and what shall happen to that answer. */
export class Exchange {
  readonly statements: readonly string[];
  /** Command tags and errors of the answer so far. */
  readonly answer: string[] = [];
  lose: RuleHandle | undefined;
  hold: RuleHandle | undefined;
  /** Closes the hold behind itself: set once its first message is held. */
  held = false;

  constructor(statements: readonly string[]) {
    this.statements = statements;
  }

  note(message: Message): void {
    if (message.type === 'C') this.answer.push(new BodyReader(message).text());
    else if (message.type === 'E') this.answer.push(`ERROR ${errorFields(message).get('C') ?? ''}`);
  }
}
