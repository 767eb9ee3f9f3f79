/** One event, many subscribers: a start per subscriber inside the transaction that stores the event. */
import { Apiary, Communicator, NonRetryableError, RetryAfterError, Service, Transaction, Workflow, db, idempotencyKey, signal, start } from '@apiary/core';

interface Delivery {
  url: string;
  body: string;
}

@Service()
class Http {
  @Communicator({ timeout: '15 seconds', retry: { maxAttempts: 12, maxInterval: '1 hour', backoff: 3 } })
  async post(url: string, body: string): Promise<number> {
    const answer = await fetch(url, { method: 'POST', body, signal: signal(), headers: { 'webhook-id': idempotencyKey() } });
    if (answer.status === 410) throw new NonRetryableError('gone');
    if (answer.status === 429) throw new RetryAfterError('slow down', `${Number(answer.headers.get('retry-after') ?? 60)} seconds`);
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    return answer.status;
  }
}

@Service()
export class Webhooks {
  constructor(private readonly http: Http) {}

  @Workflow()
  async deliver(delivery: Delivery): Promise<number> {
    return this.http.post(delivery.url, delivery.body);
  }

  /** The event and all its deliveries, or nothing. */
  @Transaction()
  async publish(kind: string, payload: object): Promise<number> {
    const [event] = await db('event').insert({ kind, payload }).returning('id');
    const subscribers = await db('subscriber').where({ kind }).select<{ url: string }[]>('url');
    for (const { url } of subscribers) await start(Webhooks, { workflowId: `${event.id}-${url}` }).deliver({ url, body: JSON.stringify(payload) });
    return subscribers.length;
  }
}

const app = await Apiary.launch({ services: [Webhooks] });
await app.get(Webhooks).publish('order.paid', { order: 'o-1' });
