/** Controllers in the manner of NestJS: injected services, decorators that stack, a few lines of adapter. */
import 'reflect-metadata';
import { Apiary, Inject, Service, Transaction, Workflow, db, token, type ConcreteType } from '@apiary/core';
import { IsPositive, IsString } from 'class-validator';

interface Clock {
  today(): string;
}
const CLOCK = token<Clock>('clock');

class NewInvoice {
  @IsString() customer!: string;
  @IsPositive() cents!: number;
}

@Service()
class Invoices {
  constructor(@Inject(CLOCK) private readonly clock: Clock) {}
  @Transaction()
  async create(invoice: NewInvoice): Promise<{ id: string }> {
    const [row] = await db('invoice')
      .insert({ ...invoice, day: this.clock.today() })
      .returning('id');
    return row;
  }
  @Workflow()
  async issue(invoice: NewInvoice): Promise<{ id: string }> {
    return this.create(invoice);
  }
}

function Post(path: string): MethodDecorator {
  return (target, key) => Reflect.defineMetadata('route', path, target, key);
}
interface Request {
  readonly key: string | undefined;
  readonly body: unknown;
}
type Handler = (request: Request) => Promise<unknown>;

@Service()
class InvoiceController {
  constructor(
    private readonly app: Apiary,
    private readonly invoices: Invoices,
  ) {}

  @Post('/invoices')
  issue(request: Request) {
    return this.app
      .start(Invoices, { workflowId: request.key })
      .issue(request.body as NewInvoice)
      .result();
  }
  @Post('/drafts')
  async draft(request: Request) {
    return this.invoices.create(request.body as NewInvoice);
  }
}

function routes(app: Apiary, controllers: readonly ConcreteType<object>[]): Map<string, Handler> {
  const found = new Map<string, Handler>();
  for (const controller of controllers) {
    const instance = app.get(controller) as Record<string, Handler>;
    for (const key of Object.getOwnPropertyNames(controller.prototype)) {
      const path: unknown = Reflect.getMetadata('route', controller.prototype, key);
      if (typeof path === 'string') found.set(path, (request) => instance[key]!(request));
    }
  }
  return found;
}

const clock: Clock = { today: () => new Date().toISOString().slice(0, 10) };
const app = await Apiary.launch({ services: [Invoices, InvoiceController], provide: [[CLOCK, clock]] });
await routes(app, [InvoiceController]).get('/invoices')?.({ key: 'r-1', body: { customer: 'ada', cents: 5 } });
