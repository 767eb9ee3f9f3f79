import { Communicator, Service, Transaction, Workflow } from '@apiary/decorators';
import { inspect } from '@apiary/decorators/internal';
import { expect } from 'chai';

@Service()
class Accounts {
  @Transaction()
  async debit(): Promise<void> {}
}
@Service({ name: 'Mail "er]' })
class Mailer {
  @Communicator()
  async receipt(): Promise<void> {}
}
@Service()
class Transfers {
  constructor(
    readonly accounts: Accounts,
    readonly mailer: Mailer,
  ) {}
  @Workflow()
  async transfer(): Promise<void> {
    await this.accounts.debit();
    await this.mailer.receipt();
  }
}

describe('a graph', () => {
  it('has services and functions as nodes, needs and calls as edges, whatever the order of the services', () => {
    const { graph } = inspect({ services: [Transfers] });
    expect(graph.nodes).to.deep.equal([
      { name: 'Accounts', kind: 'service' },
      { name: 'Accounts.debit', kind: 'transaction' },
      { name: 'Mail "er]', kind: 'service' },
      { name: 'Mail "er].receipt', kind: 'communicator' },
      { name: 'Transfers', kind: 'service' },
      { name: 'Transfers.transfer', kind: 'workflow' },
    ]);
    expect(graph.edges).to.deep.equal([
      { from: 'Transfers.transfer', to: 'Accounts.debit', kind: 'calls' },
      { from: 'Transfers.transfer', to: 'Mail "er].receipt', kind: 'calls' },
      { from: 'Transfers', to: 'Accounts', kind: 'needs' },
      { from: 'Transfers', to: 'Mail "er]', kind: 'needs' },
    ]);
    const other = inspect({ services: [Mailer, Accounts, Transfers] }).graph;
    expect([other.nodes, other.edges, other.toDot()]).to.deep.equal([graph.nodes, graph.edges, graph.toDot()]);
  });

  it('is Mermaid', () => {
    expect(inspect({ services: [Transfers] }).graph.toMermaid()).to.equal(`flowchart LR
  n0[["Accounts"]]
  n1["Accounts.debit"]
  n2[["Mail #34;er#93;"]]
  n3{{"Mail #34;er#93;.receipt"}}
  n4[["Transfers"]]
  n5(["Transfers.transfer"])
  n5 --> n1
  n5 --> n3
  n4 -.-> n0
  n4 -.-> n2
`);
  });

  it('is DOT', () => {
    expect(inspect({ services: [Transfers] }).graph.toDot()).to.equal(`digraph apiary {
  rankdir=LR;
  n0 [label="Accounts", shape=component];
  n1 [label="Accounts.debit", shape=box];
  n2 [label="Mail \\"er]", shape=component];
  n3 [label="Mail \\"er].receipt", shape=hexagon];
  n4 [label="Transfers", shape=component];
  n5 [label="Transfers.transfer", shape=ellipse];
  n5 -> n1;
  n5 -> n3;
  n4 -> n0 [style=dashed];
  n4 -> n2 [style=dashed];
}
`);
  });
});
