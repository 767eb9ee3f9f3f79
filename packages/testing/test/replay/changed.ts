/** The journeys as later releases have them: each class differs from what the histories tell in one thing. */
import { handleOf, Inject, now, random, randomUUID, Service, sleep, start, Workflow } from '@apiary/core';
import { GATEWAY, Mails, Notes, type Gateway } from './journeys.js';

const name = 'Journeys';

@Service({ name })
export class OtherStep {
  constructor(private readonly notes: Notes) {}
  @Workflow()
  async waits(): Promise<void> {
    await this.notes.count(); // other step
    await sleep('1 day');
  }
}

@Service({ name })
export class OtherInput {
  constructor(private readonly notes: Notes) {}
  @Workflow()
  async waits(): Promise<void> {
    await this.#note('earlier');
    await sleep('1 day');
  }
  async #note(text: string): Promise<void> {
    await Promise.resolve();
    await this.notes.add(text); // other input
  }
}

@Service({ name })
export class FewerSteps {
  constructor(private readonly notes: Notes) {}
  @Workflow()
  async waits(): Promise<void> {
    await this.notes.add('before'); // fewer steps
  }
  @Workflow()
  async fails(): Promise<void> {
    throw new TypeError('out of stock');
  }
}

@Service({ name })
export class MoreSteps {
  constructor(private readonly notes: Notes) {}
  @Workflow()
  async waits(): Promise<void> {
    await this.notes.add('before');
    await sleep('1 day');
    await this.notes.add('more');
  }
  @Workflow()
  async fails(): Promise<void> {
    await this.notes.add('before');
    await this.notes.count(); // more steps
    throw new TypeError('out of stock');
  }
  @Workflow()
  async child(text: string): Promise<number> {
    const id = await this.notes.add(`child of ${text}`);
    return id + random(); // more values
  }
}

/** `all`, but what runs side by side is called in another order. */
@Service({ name })
export class OtherOrder {
  constructor(
    private readonly notes: Notes,
    private readonly mails: Mails,
  ) {}
  @Workflow()
  async all(text: string): Promise<string> {
    const at = now();
    const id = randomUUID();
    await this.notes.add(`${text} at ${at.getTime()} ${id} ${random()}`);
    await this.notes.addFast(text);
    const sent = await this.mails.send(text);
    await Promise.all([
      this.notes.count(), // other order
      this.notes.add('left'),
      this.mails.send('right'),
    ]);
    return sent;
  }
}

/** `all` without its first line: every later step has another number. */
@Service({ name })
export class NoClock {
  constructor(private readonly notes: Notes) {}
  @Workflow()
  async all(text: string): Promise<string> {
    const id = randomUUID(); // no clock
    await this.notes.add(`${text} at ${id} ${random()}`);
    return id;
  }
}

/** `all`, but it waits for a child by an id of its own. */
@Service({ name })
export class OtherChild {
  constructor(
    private readonly notes: Notes,
    private readonly mails: Mails,
  ) {}
  @Workflow()
  async all(text: string): Promise<string> {
    const at = now();
    const id = randomUUID();
    await this.notes.add(`${text} at ${at.getTime()} ${id} ${random()}`);
    await this.notes.addFast(text);
    const sent = await this.mails.send(text);
    await Promise.all([this.notes.add('left'), this.notes.count(), this.mails.send('right')]);
    await this.notes.fail().catch(() => {});
    await this.child(text);
    await start(OtherChild).child(`${text} apart`);
    await handleOf('somebody').result(); // other child
    return sent;
  }
  @Workflow()
  async child(text: string): Promise<number> {
    return this.notes.add(`child of ${text}`);
  }
}

/** Its way goes by a value that the app is given. */
@Service({ name })
export class Configured {
  constructor(
    private readonly notes: Notes,
    @Inject(GATEWAY) private readonly gateway: Gateway & { address?: string },
  ) {}
  @Workflow()
  async waits(): Promise<void> {
    await this.notes.add('before');
    if (this.gateway.address === 'nowhere') return;
    await sleep('1 day');
  }
}

@Service({ name })
export class AfterRefusal {
  constructor(private readonly notes: Notes) {}
  @Workflow()
  async refused(): Promise<string> {
    const refusal: unknown = await this.notes.add((() => {}) as never).catch((error: unknown) => error);
    await this.notes.count(); // after the refusal
    return (refusal as { code: string }).code;
  }
}

@Service({ name })
export class WaitsOutside {
  constructor(private readonly notes: Notes) {}
  @Workflow()
  async fails(): Promise<void> {
    await this.notes.add('before'); // waits outside
    await new Promise(() => {});
  }
}

/** Has none of the workflows. */
@Service({ name })
export class Others extends Notes {}
