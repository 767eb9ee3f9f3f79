import type { Executor } from '@apiary/core/internal';

/** Callers of a dead executor get the outcome from the one that recovers its work, or hear that nothing of their call was durable. */
export async function followTickets(dead: Executor, present: Executor): Promise<void> {
  const open = dead.tickets.values().filter((ticket) => !ticket.settled && ticket.workflowId !== '');
  dead.tickets.clear();
  if (open.length === 0) return;
  const rows = await present.store.untilAnswered((store) => store.workflows(open.map((ticket) => ticket.workflowId)));
  const durable = new Set(rows.map((row) => row.workflowId));
  for (const ticket of open) {
    if (!durable.has(ticket.workflowId)) {
      ticket.fail(new Error(`the executor died before anything of workflow ${ticket.workflowId} was durable: the caller has to call again`));
      continue;
    }
    ticket.begun();
    present.observer.ticket(ticket.workflowId).outcome.then(
      (outcome) => ticket.settle(outcome),
      (error: unknown) => ticket.fail(error),
    );
  }
}
