/** Rows of `bench_account` and `bench_stock`, with ids from 1. */
export const ACCOUNTS = 10_000;

/** Which account or item an operation works on. */
export const accountOf = (draw: number): number => 1 + (draw % ACCOUNTS);

/** The tables that all engines share. */
export const BANK_TABLES = `
  create table bench_account (id int primary key, balance int not null);
  create table bench_stock (id int primary key, qty int not null);
  create table bench_ledger (id bigint generated always as identity primary key, account int not null, amount int not null, ref text not null);
  insert into bench_account select i, 1000000 from generate_series(1, ${ACCOUNTS}) i;
  insert into bench_stock select i, 1000000 from generate_series(1, ${ACCOUNTS}) i;`;
