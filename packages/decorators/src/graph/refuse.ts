import { decoratorName } from '../method.js';
import type { RegisteredFunction } from '../registered.js';
import type { Problems } from '../registry/problems.js';
import type { Call } from './calls.js';

/**
 * Notes a call that would be FORBIDDEN_CALL whenever it runs. Starting a workflow in a transaction is fine: it is an entry of its
 * outbox. A method that is only passed on is left to the check at the call.
 */
export function refuse(caller: RegisteredFunction, { to, how, via }: Call, problems: Problems): void {
  if (how === 'pass') return;
  const by = decoratorName(caller.kind);
  const callee = decoratorName(to.kind);
  const way = via.length === 0 ? '' : `, by way of ${via.map((name) => `${name}()`).join(', ')}`;
  if (caller.kind === 'communicator') {
    const verb = how === 'start' ? 'starts' : 'calls';
    problems.add(
      caller.name,
      `is a ${by} and ${verb} ${to.name}, a ${callee}${way}; a communicator is repeated as a whole and cannot hold steps`,
      'Call it from the workflow, before or after the communicator',
    );
  } else if (caller.kind !== 'workflow' && how === 'call' && (to.kind === 'communicator' || to.kind === 'workflow')) {
    const remedy =
      to.kind === 'workflow'
        ? 'Start it: `start(Service).method(...)` runs it when the transaction commits; or call it from the workflow'
        : 'Call it from the workflow, before or after the transaction';
    problems.add(caller.name, `is a ${by} and calls ${to.name}, a ${callee}${way}, while the transaction is open`, remedy);
  }
}
