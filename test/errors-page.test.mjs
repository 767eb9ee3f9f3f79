import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { codesOfCatalogue, errorsPage, page } from '../scripts/errors-page.mjs';

describe('docs/errors.md', () => {
  it('documents every code of the catalogue, with its status, its meaning and what to do', () => {
    const documented = [...errorsPage().matchAll(/^\| `([A-Z_]+)` \| \d{3} \| [^|]{10,} \| [^|]{10,} \|/gm)].map(([, code]) => code);
    expect(documented).to.deep.equal(codesOfCatalogue());
    expect(documented).to.have.length.above(25);
  });

  it('is what scripts/errors-page.mjs makes of the catalogue today', () => {
    expect(readFileSync(page, 'utf8')).to.equal(errorsPage());
  });
});
