/** The test kit: what the compiler must infer, and what must not compile. */
import { isApiaryError, type Apiary } from '@apiary/core';
import {
  checkInvariants,
  createTestApp,
  enumerateCrashes,
  exploreInterleavings,
  exportHistory,
  mock,
  replayCheck,
  scenario,
  type CrashReport,
  type Mocks,
  type ReplayProblem,
  type Scenario,
  type TestApp,
} from '@apiary/testing';
import '@apiary/testing/chai';
import { expect } from 'chai';
import { Accounts, Mailer, Transfers } from './samples/transfer.js';
import { same } from './equalities.js';

type Mail = { receipt(to: string, text: string): Promise<void>; sync(): number };

export async function inference(error: unknown) {
  same<keyof Mocks<Mail>, 'receipt'>();
  same<Parameters<Parameters<Mocks<Mail>['receipt']['calls']>[0]>, [to: string, text: string]>();
  const sent = mock(Mailer).receipt.returns(undefined);
  same<(typeof sent.received)[number], [to: string, text: string]>();
  const test = await createTestApp({ services: [Transfers], mocks: [sent] });
  same<typeof test, TestApp>();
  const step = await test.reached(test.handle('x'), Accounts, 'debit');
  same<typeof step.attempts, number>();
  const work = scenario({ services: [Transfers], act: async (app) => same<typeof app, TestApp>(), assert: async () => {} });
  same<typeof work, Scenario>();
  same<Awaited<ReturnType<typeof enumerateCrashes>>, CrashReport>();
  await enumerateCrashes(work, { module: new URL('file:///work.js'), twice: true, seed: 7 });
  same<Awaited<ReturnType<typeof exploreInterleavings>>, { readonly seeds: number }>();
  await exploreInterleavings(work, { seeds: [7], executors: 3 });
  const found = await replayCheck({ services: [Transfers], database: test.knex, files: ['order.json', new URL('file:///order.json')], pendingOnly: undefined });
  same<typeof found, { readonly checked: number; readonly problems: readonly ReplayProblem[] }>();
  same<ReplayProblem, { readonly workflowId: string; readonly stepId: string; readonly recorded: string; readonly called: string; readonly line: string }>();
  same<typeof exportHistory, (app: Apiary, workflowId: string, file: string | URL) => Promise<void>>();
  same<typeof checkInvariants, (app: Apiary) => Promise<void>>();
  if (isApiaryError(error, 'UNMOCKED')) same<typeof error.details.method, string>();
}

export async function mistakes() {
  // @ts-expect-error wrong argument types
  mock(Mailer).receipt(async (to: number) => {});
  // @ts-expect-error wrong result
  mock(Accounts).debit(async () => 'much');
  // @ts-expect-error wrong canned result
  mock(Accounts).debit.returns('much');
  // @ts-expect-error no such method
  mock(Mailer).send(async () => {});
  const sent = mock(Mailer).receipt.returns(undefined);
  // @ts-expect-error received arguments are typed
  sent.received[0]?.[0].toFixed();
  const test = await createTestApp({ services: [Transfers], mocks: [sent] });
  // @ts-expect-error no such method
  test.crashAt(Mailer, 'send', 'before');
  // @ts-expect-error no such point
  test.crashAt(Mailer, 'receipt', 'sometime');
  // @ts-expect-error no such method
  await expect(test).to.have.run(Mailer, 'send').times(1);
  // @ts-expect-error a scenario has something to assert
  scenario({ services: [Transfers], act: async () => {} });
  // @ts-expect-error made by scenario()
  await enumerateCrashes({ services: [Transfers], act: async () => {}, assert: async () => {} });
  // @ts-expect-error a test app has its own database
  await createTestApp({ services: [Transfers], database: 'postgres://production' });
}
